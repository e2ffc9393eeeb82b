"""Signed webhooks: who sent them, and whether they are new."""

from __future__ import annotations

import base64

import pytest

from duologue.errors import SignatureRejected
from duologue.telephony.sip import CallIncoming, LiveCallIncoming, SeenIds, SipHeader, read_webhook
from duologue.telephony.sip.webhooks import incoming_body, signed_headers

SECRET = "whsec_" + base64.b64encode(b"a secret of the test").decode()
NOW = 1_800_000_000.0
BODY = incoming_body(
    call_id="rtc_1", event_id="evt_1", created_at=int(NOW), sip_headers=[SipHeader(name="From", value="<tel:+1>")]
)


def headers(webhook_id: str = "wh_1", *, now: float = NOW, body: bytes = BODY, secret: str = SECRET) -> dict[str, str]:
    return signed_headers(body, webhook_id=webhook_id, secret=secret, now_unix_s=now)


def test_a_signed_webhook_is_read_once() -> None:
    seen = SeenIds()
    call = read_webhook(headers(), BODY, secret=SECRET, seen=seen, now_unix_s=NOW + 2)
    assert isinstance(call, CallIncoming)
    assert (call.call_id, call.caller) == ("rtc_1", "+1")
    assert read_webhook(headers(now=NOW + 60), BODY, secret=SECRET, seen=seen, now_unix_s=NOW + 61) is None
    assert read_webhook(headers("wh_2"), BODY, secret=SECRET, seen=seen, now_unix_s=NOW) is not None


def test_the_clock_is_asked_where_no_time_is_given() -> None:
    fresh = signed_headers(BODY, webhook_id="wh_1", secret=SECRET)
    assert read_webhook(fresh, BODY, secret=SECRET, seen=SeenIds()) is not None
    with pytest.raises(SignatureRejected, match="300 s off"):
        read_webhook(headers(now=NOW - 9e8), BODY, secret=SECRET, seen=SeenIds())


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        headers(secret="whsec_b3RoZXI="),
        headers(body=BODY + b" "),
        headers(now=NOW - 301),
        {**headers(), "webhook-id": "wh_9"},
        {**headers(), "webhook-signature": ""},
    ],
)
def test_another_s_webhook_is_refused_and_not_remembered(wrong: dict[str, str]) -> None:
    seen = SeenIds()
    with pytest.raises(SignatureRejected):
        read_webhook(wrong, BODY, secret=SECRET, seen=seen, now_unix_s=NOW)
    assert read_webhook(headers(), BODY, secret=SECRET, seen=seen, now_unix_s=NOW) is not None


def test_live_webhooks_are_written_too() -> None:
    body = incoming_body(call_id="rtc_1", event_id="e", created_at=1, sip_headers=(), kind="live.transport.incoming")
    assert isinstance(
        read_webhook(headers(body=body), body, secret=SECRET, seen=SeenIds(), now_unix_s=NOW), LiveCallIncoming
    )
