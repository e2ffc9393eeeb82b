"""The carriers that can be played: how each begins and ends a call, what its queue holds, and what it tells of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec
from msgspec import Struct

from duologue.audio.formats import PCM, PCMU, Encoding
from duologue.telephony.codecs.asterisk import Asterisk, AsteriskPlain
from duologue.telephony.codecs.audiosocket import AudioSocket
from duologue.telephony.codecs.leg_codec import LegCodec
from duologue.telephony.codecs.leg_events import CallEnded, CallStarted, LegEvent, LegStatus
from duologue.telephony.codecs.media_streams import Plivo, SignalWire, Telnyx, Twilio
from duologue.telephony.codecs.vonage import Vonage

__all__ = ["CARRIERS", "CallIds", "CarrierNetwork", "network_named"]


class CallIds(Struct, frozen=True, kw_only=True):
    """What a call is named by. Numbers that no telephone has (NANP, 555-01XX)."""

    call_id: str = "40325ec2-5efd-4bd3-805f-53576e581d13"
    """A UUID, which AudioSocket needs."""
    stream_id: str = "MZ0001"
    caller: str = "+15550100042"
    called: str = "+15550100001"
    parameters: Mapping[str, str] = {}
    """What the application's own TwiML, dialplan or request passes along."""


class CarrierNetwork(Struct, frozen=True, kw_only=True):
    """One carrier's protocol, as the carrier speaks it."""

    name: str
    codec: Callable[[], LegCodec]
    encoding: Encoding = PCMU
    begins: Callable[[CallIds, Encoding], tuple[LegEvent, ...]]
    ends: Callable[[CallIds], CallEnded | None]
    """None: the connection is closed, and nothing is said."""
    tells_cleared: bool = False
    full_ms: int | None = None
    """The carrier says that its queue is full when it holds so much."""
    free_ms: int | None = None
    """It says that it takes more when it holds less than that."""
    whole_frames: bool = False
    """Whether what is no multiple of 20 ms loses its end."""
    longest_ms: int | None = None
    """What goes beyond it is silently dropped."""
    numbers_from: int = 1
    """The number of the first message."""


def network_named(name: str) -> CarrierNetwork:
    """The network of this name. Raises ValueError for one that is not known."""
    known = CARRIERS.get(name)
    if known is None:
        raise ValueError(f"there is no protocol {name!r}; there are {', '.join(CARRIERS)}")
    return known


def _started(ids: CallIds, encoding: Encoding, details: Mapping[str, Any], *, numbers: bool = False) -> CallStarted:
    told = {"caller": ids.caller, "called": ids.called} if numbers else {}
    return CallStarted(
        call_id=ids.call_id,
        stream_id=ids.stream_id,
        encoding=encoding,
        parameters=dict(ids.parameters),
        details=details,
        **told,
    )


def _twilio_begins(ids: CallIds, encoding: Encoding) -> tuple[LegEvent, ...]:
    start = {"accountSid": "AC0001", "tracks": ["inbound"], "customParameters": dict(ids.parameters)}
    return (
        LegStatus(name="connected", details={"protocol": "Call", "version": "1.0.0"}),
        _started(ids, encoding, {"start": start, "streamSid": ids.stream_id}),
    )


def _twilio_ends(ids: CallIds) -> CallEnded:
    return CallEnded(details={"stop": {"accountSid": "AC0001", "callSid": ids.call_id}})


def _telnyx_begins(ids: CallIds, encoding: Encoding) -> tuple[LegEvent, ...]:
    start = {"user_id": "u-0001", "call_session_id": "s-0001", "custom_parameters": dict(ids.parameters)}
    return (
        LegStatus(name="connected", details={"version": "1.0.0"}),
        _started(ids, encoding, {"start": start}, numbers=True),
    )


def _telnyx_ends(ids: CallIds) -> CallEnded:
    return CallEnded(details={"stop": {"user_id": "u-0001", "call_control_id": ids.call_id}})


def _plivo_begins(ids: CallIds, encoding: Encoding) -> tuple[LegEvent, ...]:
    start = {"accountId": "MA0001", "tracks": ["inbound"]}
    return (_started(ids, encoding, {"start": start, "extra_headers": "{}"}),)


def _plivo_ends(ids: CallIds) -> CallEnded:
    return CallEnded(details={"stop": {"callId": ids.call_id}})


def _vonage_begins(ids: CallIds, encoding: Encoding) -> tuple[LegEvent, ...]:
    return (_started(ids, encoding, {"uuid": ids.call_id, **ids.parameters}),)


def _asterisk_begins(ids: CallIds, encoding: Encoding) -> tuple[LegEvent, ...]:
    frame_bytes = encoding.bytes_for_ms(20)
    details = {"channel": "WebSocket/duologue/0x1", "optimal_frame_size": frame_bytes, "ptime": 20}
    return (_started(ids, encoding, details),)


def _audiosocket_begins(ids: CallIds, encoding: Encoding) -> tuple[LegEvent, ...]:
    return (_started(ids, encoding, {}),)


_TWILIO: Final = CarrierNetwork(name="twilio", codec=Twilio, begins=_twilio_begins, ends=_twilio_ends)
_ASTERISK: Final = CarrierNetwork(
    name="asterisk",
    codec=Asterisk,
    begins=_asterisk_begins,
    ends=lambda ids: None,
    whole_frames=True,
    full_ms=18_000,  # 900, 800 and 1,000 frames: what Asterisk's STATUS says of its levels, and its queue's length
    free_ms=16_000,
    longest_ms=20_000,
)

CARRIERS: Final[Mapping[str, CarrierNetwork]] = {
    each.name: each
    for each in (
        _TWILIO,
        CarrierNetwork(name="signalwire", codec=SignalWire, begins=_twilio_begins, ends=_twilio_ends),
        CarrierNetwork(
            name="telnyx",
            codec=Telnyx,
            begins=_telnyx_begins,
            ends=_telnyx_ends,
        ),
        CarrierNetwork(
            name="plivo",
            codec=Plivo,
            begins=_plivo_begins,
            ends=_plivo_ends,
            tells_cleared=True,
            numbers_from=0,
        ),
        CarrierNetwork(
            name="vonage",
            codec=Vonage,
            encoding=replace(PCM, rate_hz=16_000),
            begins=_vonage_begins,
            ends=lambda ids: CallEnded(),
            tells_cleared=True,
        ),
        _ASTERISK,
        msgspec.structs.replace(_ASTERISK, name="asterisk-plain", codec=AsteriskPlain),
        CarrierNetwork(
            name="audiosocket",
            codec=AudioSocket,
            encoding=replace(PCM, rate_hz=8_000),
            begins=_audiosocket_begins,
            ends=lambda ids: CallEnded(),
        ),
    )
}
"""By the names of the codecs' protocols."""
