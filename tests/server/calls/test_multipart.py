"""Forms as browsers, curl and httpx send them, and broken ones."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.server.calls.multipart import MalformedForm, form_fields, media_type

OFFER = b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n"
TYPE = "multipart/form-data; boundary=x"


def form(*parts: bytes, end: bytes = b"--x--\r\n") -> bytes:
    return b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + end


def part(name: str, value: bytes, *more: str) -> bytes:
    head = "".join(f"{line}\r\n" for line in (f'Content-Disposition: form-data; name="{name}"', *more))
    return head.encode() + b"\r\n" + value


def test_parts_without_a_type_are_read_as_browsers_send_them() -> None:
    body = form(part("sdp", OFFER), part("session", b'{"type":"realtime"}'))
    assert form_fields(TYPE, body) == {"sdp": OFFER, "session": b'{"type":"realtime"}'}


def test_types_and_file_names_of_parts_are_ignored() -> None:
    body = form(
        part("sdp", OFFER, "Content-Type: application/sdp"),
        b'content-disposition: form-data; filename="a; name=\\"b\\".json"; name=session\r\n'
        b"Content-Type: application/json\r\n\r\n{}",
    )
    assert form_fields(TYPE, body) == {"sdp": OFFER, "session": b"{}"}


def test_what_httpx_writes_is_read() -> None:
    request = httpx.Request("POST", "http://x", files={"sdp": (None, OFFER), "session": (None, b"{}", "a/b")})
    assert form_fields(request.headers["content-type"], request.read()) == {"sdp": OFFER, "session": b"{}"}


def test_a_quoted_boundary_a_preamble_and_an_epilogue_are_read() -> None:
    body = b"preamble\r\n--a b?\r\n" + part("sdp", OFFER) + b"\r\n--a b?--\r\nepilogue"
    assert form_fields('Multipart/Form-Data; charset=utf-8; Boundary="a b?"', body) == {"sdp": OFFER}


@pytest.mark.parametrize(
    ("content_type", "body", "reason"),
    [
        ("multipart/form-data", form(), "boundary"),
        (f"multipart/form-data; boundary={'x' * 71}", form(), "boundary"),
        ("multipart/form-data; boundary=ä", form(), "boundary"),
        (TYPE, b"", "end is missing"),
        (TYPE, form(part("sdp", OFFER), end=b""), "end is missing"),
        (TYPE, form(part("sdp", OFFER), part("sdp", OFFER)), "'sdp' comes twice"),
        (TYPE, form(*(part(f"f{number}", b"") for number in range(17))), "more than 16"),
        (TYPE, form(*(part(f"f{number}", b"") for number in range(200))), "more than 16"),
        (TYPE, form(b"no headers"), "no headers"),
        (TYPE, form(part("sdp", OFFER, "X: " + "y" * 5000)), "too long"),
        (TYPE, form(b"Content-Type: a/b\r\n\r\nx"), "no name"),
        (TYPE, form(b"Content-Disposition: attachment; name=sdp\r\n\r\nx"), "no name"),
        (TYPE, form(b"Content-Disposition: form-data; filename=sdp\r\n\r\nx"), "no name"),
        (TYPE, b"--xy\r\n" + part("sdp", OFFER) + b"\r\n--x--", "no headers"),
    ],
)
def test_a_broken_form_is_refused_with_a_reason(content_type: str, body: bytes, reason: str) -> None:
    with pytest.raises(MalformedForm, match=reason):
        form_fields(content_type, body)


@given(st.binary(max_size=300), st.text(max_size=40))
def test_any_bytes_are_a_form_or_refused(body: bytes, boundary: str) -> None:
    for content in (body, b"--x\r\n" + body, form(part("sdp", body))):
        for content_type in (TYPE, f"multipart/form-data; boundary={boundary}"):
            try:
                fields = form_fields(content_type, content)
            except MalformedForm:
                continue
            assert sum(map(len, fields.values())) <= len(content)


@given(st.dictionaries(st.from_regex(r"\A[a-z]{1,9}\Z"), st.binary().filter(lambda value: b"\r\n--x" not in value)))
def test_values_come_out_as_they_went_in(fields: dict[str, bytes]) -> None:
    fields = dict(list(fields.items())[:15])
    assert form_fields(TYPE, form(*(part(name, value) for name, value in fields.items()))) == fields


def test_the_type_of_a_body_has_no_parameters_and_any_case() -> None:
    assert media_type(" Application/SDP ; charset=utf-8") == "application/sdp"
    assert media_type("") == ""
