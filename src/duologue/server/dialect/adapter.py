"""The dialect adapter of one client: the client's frames to canonical events, and canonical events to its frames.

The protocol knows the canonical model only. Fields that only a dialect has are accepted without effect, because clients
of that vendor send them. For the dialects in `_OWN_SETTINGS` all fields are known, and the protocol rejects any other;
for the rest there is no complete list, so unknown fields are dropped and logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

import msgspec

from duologue.codec import decode, encode, translate
from duologue.codec.fast_path import fast_paths, read_fast
from duologue.codec.jsontext import parse_object, too_deep, write_text
from duologue.codec.known import forgiving_reader
from duologue.dialects import DEFAULT_DIALECT, PROFILES
from duologue.dialects.itemstream import AddedToCreated
from duologue.dialects.places import Json, find, objects_at
from duologue.events import (
    ConversationCreatedEvent,
    ConversationItemDoneEvent,
    ErrorEvent,
    RealtimeConversation,
    RealtimeEvent,
    RealtimeSession,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    UnknownRealtimeEvent,
)
from duologue.protocol import SessionKind
from duologue.server.dialect.client_habits import fill_in_kind, switch_off
from duologue.server.dialect.parameter_names import their_parameter
from duologue.server.dialect.sampling_rate import SamplingRate
from duologue.server.dialect.vendor_frames import complete_frame
from duologue.server.dialect.vendor_settings import VendorSettings
from duologue.server.dialect.vendor_streams import VendorStream, is_done_speech
from duologue.server.telemetry.log import log_event

__all__ = ["BETA", "BETA_SHAPED", "DialectAdapter", "LossLog", "asks_for_beta"]

BETA: Final = "openai-beta"
BETA_SHAPED: Final = frozenset({BETA, "azure-preview"})
"""Dialects of the beta: the hosted service and Azure, with the former names of events."""

_BETA_HEADER: Final = "realtime=v1"
_BETA_SUBPROTOCOL: Final = "openai-beta.realtime-v1"

_OWN_SETTINGS: Final[Mapping[str, Mapping[str, Any]]] = {
    "openai-beta": {"temperature": 0.8},
    "azure-preview": {"temperature": 0.8},
}
"""Settings of sessions and responses that only a dialect has, with their defaults. They are sent back as they were set,
and have no effect: no engine supports them."""

_ANNOUNCE_CONVERSATION: Final = frozenset({"openai-beta", "azure-preview", "xai"})
"""Dialects in which `conversation.created` follows `session.created` (rule `connect.beta`)."""

_DONE_SPEECH: Final = frozenset({"azure-voice-live"})
"""Dialects with `conversation.item.created` in which an item of speech is also said to be done."""

_MAX_REPORTS: Final = 100
"""Paths logged for one connection. Dialects lack a few dozen; invented fields must fill neither log nor memory."""

_APPEND: Final = "input_audio_buffer.append"

_PIECE: Final = ".delta"
"""The end of the types of frequent events, which have no fields that a dialect could lack."""


@cache
def _same_names(dialect: str) -> frozenset[str]:
    """Types of events that are the same in a dialect as in the canonical model."""
    return frozenset(name for name, short in fast_paths(dialect).items() if short.theirs == name)


def asks_for_beta(header: str, subprotocols: Sequence[str]) -> bool:
    """Whether a handshake requests the beta; `header` is the value of `OpenAI-Beta`."""
    requested = header.replace(" ", "").split(",")
    return _BETA_HEADER in requested or _BETA_SUBPROTOCOL in subprotocols


class LossLog:
    """Logs fields without a counterpart, once for each path, with these facts of a connection."""

    def __init__(self, **facts: str) -> None:
        self._facts: dict[str, Any] = facts
        self._logged: set[str] = set()

    def report(self, where: str, lost: Sequence[str]) -> None:
        """Log the lost paths of a type of event."""
        new = [path for path in lost if f"{where} {path}" not in self._logged][: _MAX_REPORTS - len(self._logged)]
        if new:
            self._logged.update(f"{where} {path}" for path in new)
            log_event(logging.INFO, "no counterpart", **self._facts, fields=", ".join(new), where=where)


class DialectAdapter:
    """Reads and writes the messages of one connection, in their order."""

    def __init__(
        self,
        dialect: str = DEFAULT_DIALECT,
        *,
        new_id: Callable[[str], str],
        conversation_id: str | None = None,
        origin: str | None = None,
        kind: SessionKind = "realtime",
    ) -> None:
        """`conversation_id` is for `conversation.created`; None makes a new one. `origin` is the dialect from which the
        events to write were translated, in a relay. `kind` is the session's.

        Raises:
            ValueError: there is no such dialect.
        """
        if dialect not in PROFILES:
            raise ValueError(f"no dialect {dialect!r}; known: {', '.join(PROFILES)}")
        self.dialect = dialect
        self.reads_bare_appends: bool = dialect == DEFAULT_DIALECT or _APPEND in _same_names(dialect)
        """Whether an append with nothing but audio is what it is in the canonical dialect."""
        self._profile = PROFILES[dialect]
        self._new_id = new_id
        # Where nothing is spoken, a session can only transcribe.
        self._kind: SessionKind = kind if self._profile.output_rates_hz else "transcription"
        self._conversation_id = conversation_id
        self._origin = origin
        self._stands_in = origin != dialect  # what comes from the vendor is complete
        self._vendor_stream = VendorStream(dialect, new_id=new_id)
        self._announces = dialect in _ANNOUNCE_CONVERSATION and origin not in _ANNOUNCE_CONVERSATION
        lacked = self._profile.lacks_events
        has_only_created = "conversation.item.added" in lacked and "conversation.item.created" not in lacked
        self._items = AddedToCreated() if has_only_created else None  # rule `item.create.beta`
        self._settings: dict[str, Any] = dict(_OWN_SETTINGS.get(dialect, {}))
        self._pending: dict[str, Any] = {}
        self._vendor_settings = VendorSettings(dialect)
        self._sampling_rate = SamplingRate(dialect)
        self._losses = LossLog(dialect=dialect)
        self.ends_utterance: bool = False
        """Whether the message that was read last ends an utterance by a field that only its dialect has."""

    # --- from the client

    def read(self, message: str) -> RealtimeEvent:
        """The canonical event of a client's message.

        Raises:
            DecodeError: the message is not a JSON object.
        """
        if self.dialect == DEFAULT_DIALECT:
            return decode(message)
        self.ends_utterance = False
        event = read_fast(message, self.dialect)
        if event is not None and event.type in _same_names(self.dialect):
            return event
        try:
            return self._read_in(parse_object(message))
        except RecursionError as fault:  # the parser could follow the nesting, a rule of the dialect could not
            raise too_deep(message) from fault

    def _read_in(self, frame: Json) -> RealtimeEvent:
        self._vendor_settings.read(frame)
        utterance = self._profile.utterance
        self.ends_utterance = utterance.is_end(frame)
        canonical = self._profile.read(frame)
        self._vendor_settings.translate(canonical)
        self._sampling_rate.read(frame, canonical)
        fill_in_kind(self.dialect, frame, canonical, kind=self._kind)
        self._fill_in(canonical)
        if self.ends_utterance:
            canonical = {
                name: value for name, value in canonical.items() if name == "type" or name not in utterance.end
            }
        self._take_settings(canonical)
        if self.dialect not in _OWN_SETTINGS:
            canonical = self._without_foreign(canonical)
        return forgiving_reader(DEFAULT_DIALECT).read(canonical)

    def _fill_in(self, canonical: Json) -> None:
        """Set what the canonical model requires and a flat session implies."""
        switch_off(self.dialect, find(canonical, "session.audio.input"))
        turn_detection = find(canonical, "session.audio.input.turn_detection")
        if isinstance(turn_detection, dict):
            turn_detection.setdefault("type", "server_vad")
        for side, rates_hz in (("input", self._profile.input_rates_hz), ("output", self._profile.output_rates_hz)):
            for pcm in objects_at(canonical, f"session.audio.{side}.format[type=audio/pcm]") if rates_hz else ():
                pcm.setdefault("rate", rates_hz[0])

    def _take_settings(self, canonical: Json) -> None:
        for name, default in self._settings.items():
            for place in ("session", "response"):
                config = canonical.get(place)
                # A value of another type stays: the protocol rejects it.
                if isinstance(config, dict) and type(config.get(name)) in (type(default), int, type(None)):
                    value = config.pop(name, None)
                    if place == "session" and value is not None:
                        self._pending[name] = value

    def _without_foreign(self, canonical: Json) -> Json:
        event = forgiving_reader(self.dialect).read(canonical)
        if isinstance(event, UnknownRealtimeEvent):
            return canonical
        translation = translate(event, dialect=DEFAULT_DIALECT)
        self._losses.report(f"the client's {event.type}", translation.lost)
        return canonical if translation.frame is None else translation.frame

    # --- to the client

    def write(self, event: RealtimeEvent) -> Iterator[str]:
        """The messages of an event; none if the dialect has no counterpart."""
        if self.dialect == DEFAULT_DIALECT and self._origin is None:
            yield encode(event).decode("utf-8")
            return
        if self._stands_in and (own := self._vendor_stream.in_place_of(event)) is not None:
            yield write_text(own).decode("utf-8")
            return
        if self._is_piece(event):
            yield encode(event, dialect=self.dialect).decode("utf-8")
            return
        for part in self._stream(event):
            translation = translate(part, dialect=self.dialect)
            self._losses.report(f"our {part.type}", translation.lost)
            if translation.frame is not None:
                self._add_settings(translation.frame)
                if self._stands_in:
                    complete_frame(self.dialect, translation.frame)
                self._vendor_settings.restore(translation.frame)
                yield write_text(translation.frame).decode("utf-8")
        for own in self._vendor_stream.behind(event) if self._stands_in else ():
            yield write_text(own).decode("utf-8")

    def _is_piece(self, event: RealtimeEvent) -> bool:
        """Whether the event is a piece of a stream, of which at most the type differs in the dialect."""
        if isinstance(event, UnknownRealtimeEvent) or event.extra or not event.type.endswith(_PIECE):
            return False
        return event.type in fast_paths(self.dialect)

    def _stream(self, event: RealtimeEvent) -> Iterator[RealtimeEvent]:
        match event:
            # A session that only transcribes has no conversation.
            case SessionCreatedEvent(session=RealtimeSession()) if self._announces:
                yield event
                yield ConversationCreatedEvent(
                    event_id=self._new_id("event"),
                    conversation=RealtimeConversation(
                        id=self._conversation_id or self._new_id("conv"), object="realtime.conversation"
                    ),
                )
            case ConversationCreatedEvent() if self.dialect not in _ANNOUNCE_CONVERSATION:
                return
            case ConversationItemDoneEvent() if self.dialect in _DONE_SPEECH and is_done_speech(event):
                yield event
            case SessionUpdatedEvent():
                self._settings |= self._pending
                self._pending = {}
                self._vendor_settings.settle(accepted=True)
                self._sampling_rate.settle(accepted=True)
                yield event
            case ErrorEvent():
                self._pending = {}
                self._vendor_settings.settle(accepted=False)
                self._sampling_rate.settle(accepted=False)
                yield self._with_their_parameter(event)
            case _:
                yield from self._items.receive(event) if self._items is not None else [event]

    def _with_their_parameter(self, event: ErrorEvent) -> ErrorEvent:
        """The error with the dialect's name of the parameter."""
        param = event.error.param
        if not isinstance(param, str) or (theirs := their_parameter(param, self._profile)) == param:
            return event
        message = event.error.message.replace(f"'{param}'", f"'{theirs}'")
        return msgspec.structs.replace(event, error=msgspec.structs.replace(event.error, param=theirs, message=message))

    def _add_settings(self, frame: Json) -> None:
        """Add the settings that only these dialects send."""
        if self.dialect not in _OWN_SETTINGS:
            return
        for place in (*objects_at(frame, "session[object=realtime.session]"), *objects_at(frame, "response")):
            for name, value in self._settings.items():
                place.setdefault(name, value)
        for session in objects_at(frame, "session"):
            session.setdefault("client_secret", None)
        for item in (*objects_at(frame, "item"), *objects_at(frame, "response.output[]")):
            item.setdefault("object", "realtime.item")
