"""The fields of a request, and their limits."""

from __future__ import annotations

from duologue.telephony.serving.phone_requests import PhoneRequest

_FORM = "application/x-www-form-urlencoded; charset=UTF-8"


def _request(body: bytes, content_type: str = _FORM, url: str = "https://e.com/a") -> PhoneRequest:
    return PhoneRequest(url=url, headers={"content-type": content_type}, body=body, now_unix_s=0.0)


def test_a_form_and_a_query_are_read() -> None:
    request = _request(b"From=%2B1555&Digits=&a=1&a=2", url="https://e.com/a?From=9&x=y")
    assert request.form == {"From": ["+1555"], "Digits": [""], "a": ["1", "2"]}
    assert request.fields == {"From": "+1555", "Digits": "", "a": "2", "x": "y"}


def test_what_is_no_form_has_no_fields() -> None:
    assert _request(b"From=1", "application/json").form == {}
    assert _request(b"\xff=\xfe&&=").form == {"\ufffd": ["\ufffd"], "": [""]}
    assert _request(b"&".join(b"a=%d" % n for n in range(1_000))).form == {}
