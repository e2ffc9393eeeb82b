"""The other side of a relay: canonical events to an upstream's frames, and its frames to canonical events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Struct

from duologue.audio.resampling import ResampleStream
from duologue.codec import Translation, decode, encode, translate
from duologue.codec.jsontext import parse_object
from duologue.codec.shortways import short_ways
from duologue.dialects import PROFILES
from duologue.dialects.itemstream import CreatedToAdded
from duologue.events import (
    ErrorEvent,
    InputAudioBufferAppendEvent,
    PcmAudioFormat,
    RealtimeEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    UnknownRealtimeEvent,
)
from duologue.events.base import encode_audio
from duologue.server.parameters import our_parameter
from duologue.transports import Transport

__all__ = ["OpenUpstream", "Upstream", "UpstreamSide"]

OpenUpstream: TypeAlias = Callable[[str | None], Awaitable[Transport]]
"""Opens one connection, given the model that the client named, if it named one. Raises ConnectFailed."""

_USUAL_RATE_HZ: Final = 24_000
"""What a `format` without a rate means."""

_Configured: TypeAlias = SessionUpdateEvent | SessionCreatedEvent | SessionUpdatedEvent
_Configures = TypeVar("_Configures", bound=_Configured)


class Upstream(Struct, frozen=True, kw_only=True):
    """A realtime API that the server stands in front of."""

    open: OpenUpstream
    dialect: str = "openai"


class UpstreamSide:
    """Translates for one connection to an upstream, in the order of its messages.

    PCM is resampled on its way where the upstream does not take the client's rate, and the client goes on seeing the
    rate that it knows.
    """

    def __init__(self, dialect: str, *, client_rates_hz: Sequence[int], new_id: Callable[[str], str]) -> None:
        """`client_rates_hz`: what the client's dialect sends, the usual rate first; none where it sends no PCM.

        Raises:
            ValueError: there is no such dialect.
        """
        if dialect not in PROFILES:
            raise ValueError(f"no dialect {dialect!r}; known: {', '.join(PROFILES)}")
        self._dialect = dialect
        self._profile = PROFILES[dialect]
        lacks_added = "conversation.item.added" in self._profile.lacks_events
        self._items = CreatedToAdded(new_event_id=lambda: new_id("event")) if lacks_added else None
        self._audio = _InputAudio(self._profile.input_rates_hz, client_rates_hz)

    def append(self, event: InputAudioBufferAppendEvent) -> bytes | None:
        """The upstream's text of more audio, by the shortest way; None where that way loses something, or is closed."""
        if event.extra or event.type not in short_ways(self._dialect):
            return None
        return encode(self._audio.resampled(event), dialect=self._dialect)

    def write(self, event: RealtimeEvent) -> Translation:
        """The upstream's frame of a client's event; no frame, if there is no counterpart."""
        if isinstance(event, InputAudioBufferAppendEvent):
            event = self._audio.resampled(event)
        elif isinstance(event, SessionUpdateEvent):
            event = self._audio.asked(event)
        return translate(event, dialect=self._dialect)

    def read(self, message: str | bytes) -> Sequence[RealtimeEvent]:
        """The events of a message of the upstream's, none to many. Raises DecodeError if it is no JSON object."""
        if self._profile.twins and parse_object(message).get("type") in self._profile.twins:
            return ()  # another event says the same
        event = decode(message, dialect=self._dialect)
        match event:
            case UnknownRealtimeEvent() if event.type in self._profile.heartbeats:
                return ()
            case SessionCreatedEvent() | SessionUpdatedEvent():
                return [self._audio.told(event)]
            case ErrorEvent(error=error) if isinstance(error.param, str):
                renamed = msgspec.structs.replace(error, param=our_parameter(error.param, self._profile))
                return [msgspec.structs.replace(event, error=renamed)]
            case _:
                return [event] if self._items is None else self._items.receive(event)


class _InputAudio:
    """PCM on its way up. At the client's rate where the upstream has that, else at the upstream's usual one."""

    def __init__(self, upstream_rates_hz: Sequence[int], client_rates_hz: Sequence[int]) -> None:
        self._upstream_rates_hz = upstream_rates_hz
        self._client_rate_hz = client_rates_hz[0] if client_rates_hz else None
        self._half = b""
        self._resampling = self._begin()

    def _begin(self) -> ResampleStream | None:
        """What turns the client's rate into one that the upstream takes; None where that is so already."""
        self._half = b""
        if self._client_rate_hz is None or self._client_rate_hz in self._upstream_rates_hz:
            return None
        return ResampleStream(self._client_rate_hz, self._upstream_rates_hz[0]) if self._upstream_rates_hz else None

    def asked(self, event: SessionUpdateEvent) -> SessionUpdateEvent:
        """The client's settings, with a rate that the upstream takes."""
        wire = _input_format(event)
        if wire is UNSET or wire is None:
            return event
        if not isinstance(wire, PcmAudioFormat):
            self._resampling = None
            return event
        self._client_rate_hz = wire.rate if isinstance(wire.rate, int) else _USUAL_RATE_HZ
        self._resampling = self._begin()
        return event if self._resampling is None else _with_rate(event, self._upstream_rates_hz[0])

    def told(self, event: _Configures) -> _Configures:
        """The upstream's settings, with the rate that the client knows."""
        return event if self._resampling is None else _with_rate(event, self._client_rate_hz)

    def resampled(self, event: InputAudioBufferAppendEvent) -> InputAudioBufferAppendEvent:
        """More audio. What is no base64 passes, for the upstream to refuse."""
        if self._resampling is None:
            return event
        try:
            audio = self._half + event.decode_audio()
        except ValueError:
            return event
        whole = len(audio) // 2 * 2
        self._half = audio[whole:]
        return msgspec.structs.replace(event, audio=encode_audio(self._resampling.push(audio[:whole])))


def _input_format(event: _Configured) -> object:
    place: object = event.session
    for name in ("audio", "input", "format"):
        place = getattr(place, name, UNSET)
    return place


def _with_rate(event: _Configures, rate_hz: int | None) -> _Configures:
    """The event with another rate of its input's PCM, if it names one."""
    replace = msgspec.structs.replace
    session: Any = event.session
    wire = _input_format(event)
    if not isinstance(wire, PcmAudioFormat):
        return event
    audio = session.audio
    changed = replace(audio, input=replace(audio.input, format=replace(wire, rate=rate_hz)))
    return replace(event, session=replace(session, audio=changed))
