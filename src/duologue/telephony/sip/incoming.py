"""Webhooks of telephone calls that ring at OpenAI's SIP, as values. Reading never raises, and keeps what is unknown.

Source: https://platform.openai.com/docs/guides/realtime-sip, and the schemas of the service's webhooks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct, field

from duologue.printable import printable
from duologue.telephony.codecs.leg_events import masked_number

__all__ = [
    "MAX_WEBHOOK_BYTES",
    "CallIncoming",
    "IncomingWebhook",
    "LiveCallIncoming",
    "SipHeader",
    "UnknownWebhook",
    "read_incoming",
]

MAX_WEBHOOK_BYTES: Final = 64 * 1024
"""Of a body: a SIP request of one UDP packet has 1.5 kB, and the longest that stacks take 64 kB."""

_MAX_HEADERS: Final = 256
"""Of one INVITE; calls through three proxies have some thirty."""

_MAX_ID: Final = 200
"""Characters of a call's id; usual ones have 36."""

_MAX_QUOTED: Final = 60

_ADDRESS: Final = re.compile(r"(?:sips?|tel):([^@;>\s]{1,128})", re.IGNORECASE)
"""The user of an address as SIP headers write it (RFC 3261, 20.10): `"Ada" <sip:+15551234567@carrier.example>`."""


class SipHeader(Struct, frozen=True, kw_only=True):
    """A header of the SIP INVITE. Its `repr` hides the value, which may hold a caller's number."""

    name: str
    """As the network sent it."""
    value: str
    """As the network sent it: a caller can have filled it."""

    def __repr__(self) -> str:
        return f"SipHeader(name={printable(self.name, max_characters=_MAX_QUOTED)!r})"


class _Incoming(Struct, frozen=True, kw_only=True):
    """What the webhooks of a ringing call have in common."""

    call_id: str
    """Names the call in requests, as it came: `rtc_…`."""
    event_id: str = ""
    """The same when the webhook is delivered again."""
    created_at: int = 0
    """In Unix seconds."""
    sip_headers: tuple[SipHeader, ...] = ()
    """Of the INVITE, in their order."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """The whole webhook as plain JSON, with what this version does not know."""

    def header(self, name: str) -> str | None:
        """The first SIP header of this name, in any case; None: the INVITE has none."""
        return next((each.value for each in self.sip_headers if each.name.lower() == name.lower()), None)

    @property
    def caller(self) -> str:
        """The user of the address in `From`, mostly a number; empty where there is none. Personal data."""
        return _user_of(self.header("from"))

    @property
    def called(self) -> str:
        """The user of the address in `To`."""
        return _user_of(self.header("to"))

    def __repr__(self) -> str:
        numbers = f"caller={masked_number(self.caller)!r}, called={masked_number(self.called)!r}"
        return f"{type(self).__name__}(call_id={self.call_id!r}, {numbers})"


class CallIncoming(_Incoming, frozen=True, kw_only=True):
    """A call rings, and can be accepted for a Realtime session: `realtime.call.incoming`."""


class LiveCallIncoming(_Incoming, frozen=True, kw_only=True):
    """A call rings, and can be accepted for a Live session: `live.transport.incoming`, `live.call.incoming` before.

    The same call may also come as a `CallIncoming`; the first accept decides.
    """


class UnknownWebhook(Struct, frozen=True, kw_only=True):
    """A webhook about something else, or one that cannot be read: kept as it came."""

    kind: str
    """Its `type`; empty where it has none."""
    raw: bytes
    reason: str

    def __repr__(self) -> str:
        return f"UnknownWebhook(kind={self.kind!r}, raw=<{len(self.raw)}>, reason={self.reason!r})"


IncomingWebhook: TypeAlias = CallIncoming | LiveCallIncoming | UnknownWebhook
"""Every webhook that `read_incoming` returns."""

_KINDS: Final[Mapping[str, tuple[type[CallIncoming | LiveCallIncoming], str]]] = {
    "realtime.call.incoming": (CallIncoming, "call_id"),
    "live.transport.incoming": (LiveCallIncoming, "session_id"),
    "live.call.incoming": (LiveCallIncoming, "session_id"),
}
"""By `type`: the class, and where the id of the call is in `data`."""


def read_incoming(body: bytes) -> IncomingWebhook:
    """The webhook in a body whose signature was checked. Never raises."""
    if len(body) > MAX_WEBHOOK_BYTES:
        return UnknownWebhook(kind="", raw=body, reason=f"it is longer than {MAX_WEBHOOK_BYTES} bytes")
    try:
        frame = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UnknownWebhook(kind="", raw=body, reason="it is not JSON")
    kind = frame.get("type") if isinstance(frame, dict) else None
    if not isinstance(kind, str):
        return UnknownWebhook(kind="", raw=body, reason="it has no type")
    shown = printable(kind, max_characters=_MAX_QUOTED)
    if kind not in _KINDS:
        return UnknownWebhook(kind=shown, raw=body, reason="it tells of no incoming call")
    made, name = _KINDS[kind]
    data: Any = frame.get("data")
    data = data if isinstance(data, dict) else {}
    call_id = data.get(name)
    if not isinstance(call_id, str) or not 0 < len(call_id) <= _MAX_ID or not call_id.isprintable():
        return UnknownWebhook(kind=shown, raw=body, reason=f"data.{name} is no id of a call")
    event_id, created_at = frame.get("id"), frame.get("created_at")
    return made(
        call_id=call_id,
        event_id=event_id if isinstance(event_id, str) else "",
        created_at=created_at if isinstance(created_at, int) and not isinstance(created_at, bool) else 0,
        sip_headers=_headers_in(data.get("sip_headers")),
        details=frame,
    )


def _headers_in(found: Any) -> tuple[SipHeader, ...]:
    """Those that are a name and a value; the others stay in `details` alone."""
    if not isinstance(found, list):
        return ()
    pairs = [(each.get("name"), each.get("value")) for each in found[:_MAX_HEADERS] if isinstance(each, dict)]
    return tuple(
        SipHeader(name=name, value=value) for name, value in pairs if isinstance(name, str) and isinstance(value, str)
    )


def _user_of(address: str | None) -> str:
    found = _ADDRESS.search(address or "")
    return found[1] if found else ""
