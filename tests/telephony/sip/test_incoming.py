"""Webhooks as values: what the service writes, and anything else."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.telephony.sip import CallIncoming, LiveCallIncoming, SipHeader, UnknownWebhook, read_incoming
from duologue.telephony.sip.incoming import MAX_WEBHOOK_BYTES

FROM = {"name": "From", "value": '"Ada" <sip:+15551234567@carrier.example;user=phone>;tag=a'}
TO = {"name": "TO", "value": "<tel:+4930123456>"}


def webhook(kind: str = "realtime.call.incoming", **data: Any) -> dict[str, Any]:
    name = "call_id" if kind.startswith("realtime") else "session_id"
    inner = {name: "rtc_1", "sip_headers": [FROM, TO], **data}
    return {"id": "evt_1", "object": "event", "type": kind, "created_at": 1719168000, "data": inner}


def test_a_ringing_call_is_read_with_its_headers() -> None:
    frame = webhook(new="kept")
    call = read_incoming(json.dumps(frame).encode())
    assert isinstance(call, CallIncoming)
    assert (call.call_id, call.event_id, call.created_at) == ("rtc_1", "evt_1", 1719168000)
    assert call.sip_headers[1] == SipHeader(**TO)
    assert (call.header("to"), call.header("Via")) == (TO["value"], None)
    assert (call.caller, call.called) == ("+15551234567", "+4930123456")
    assert call.details == frame


@pytest.mark.parametrize("kind", ["live.transport.incoming", "live.call.incoming"])
def test_live_names_the_call_otherwise(kind: str) -> None:
    call = read_incoming(json.dumps(webhook(kind)).encode())
    assert isinstance(call, LiveCallIncoming)
    assert call.call_id == "rtc_1"


def test_numbers_of_people_are_not_shown() -> None:
    call = read_incoming(json.dumps(webhook()).encode())
    assert repr(call) == "CallIncoming(call_id='rtc_1', caller='…67', called='…56')"
    assert repr(SipHeader(**FROM)) == "SipHeader(name='From')"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "longer"),
        (b"[" * 60_000, "not JSON"),
        (b"[]", "no type"),
        (b'{"type": 1}', "no type"),
        (json.dumps(webhook(call_id="")).encode(), "no id"),
        (json.dumps(webhook(call_id=7)).encode(), "no id"),
        (json.dumps(webhook(call_id="a\nb")).encode(), "no id"),
        (json.dumps({**webhook(), "data": []}).encode(), "no id"),
        (json.dumps(webhook("response.completed")).encode(), "no incoming call"),
        (b" " * (MAX_WEBHOOK_BYTES + 1), "longer"),
    ],
)
def test_what_is_none_is_kept_with_a_reason(body: bytes, reason: str) -> None:
    unknown = read_incoming(body)
    assert isinstance(unknown, UnknownWebhook)
    assert unknown.raw == body
    assert reason in unknown.reason
    assert len(repr(unknown)) < 300


def test_damaged_headers_are_left_out() -> None:
    call = read_incoming(json.dumps(webhook(sip_headers=[FROM, 1, {"name": "X"}, {"name": 2, "value": "y"}])).encode())
    assert isinstance(call, CallIncoming)
    assert call.sip_headers == (SipHeader(**FROM),)
    call = read_incoming(json.dumps(webhook(sip_headers="none")).encode())
    assert isinstance(call, CallIncoming)
    assert (call.sip_headers, call.caller) == ((), "")


_JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))
_NAMES = st.sampled_from(["id", "created_at", "data", "type", "object"])


@given(body=st.binary(max_size=200), values=st.dictionaries(_NAMES, _JSON), headers=_JSON)
def test_reading_never_raises(body: bytes, values: dict[str, Any], headers: Any) -> None:
    read_incoming(body)
    read_incoming(msgspec.json.encode({**webhook(sip_headers=headers), **values}))
