"""The upstream side of a relay: canonical events to the upstream's frames, and its frames to canonical events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

import msgspec
from msgspec import Struct

from duologue.codec import Translation, decode, encode, translate
from duologue.codec.fast_path import fast_paths
from duologue.codec.jsontext import parse_object
from duologue.dialects import DEFAULT_DIALECT, PROFILES
from duologue.dialects.itemstream import CreatedToAdded
from duologue.events import (
    ConversationItemCreateEvent,
    ConversationItemRetrievedEvent,
    ErrorEvent,
    InputAudioBufferAppendEvent,
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    RealtimeEvent,
    ResponseAudioDeltaEvent,
    ResponseAudioDoneEvent,
    ResponseCreatedEvent,
    ResponseCreateEvent,
    ResponseDoneEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
    UnknownRealtimeEvent,
    is_set,
)
from duologue.protocol.utterance_commands import UtteranceCommands
from duologue.server.dialect.parameter_names import our_parameter
from duologue.server.relay.transcoding import UpstreamAudio
from duologue.server.session_start import LiveRequest, SessionStart
from duologue.transports import Transport

__all__ = ["OpenLiveUpstream", "OpenUpstream", "Upstream", "UpstreamSide"]

OpenUpstream: TypeAlias = Callable[[SessionStart], Awaitable[Transport]]
"""Opens a connection for one session: `model` is the client's model, if it named one; `kind` is "transcription" for a
session that only transcribes, and `translates` is set for one on the path of translations. Raises ConnectFailed."""

OpenLiveUpstream: TypeAlias = Callable[[LiveRequest], Awaitable[Transport]]
"""Opens a connection for a Live session, a sideband or a fork. Raises ConnectFailed."""


class Upstream(Struct, frozen=True, kw_only=True):
    """A realtime API behind the server. `dialect` is the name of its dialect."""

    open: OpenUpstream
    dialect: str = "openai"
    model: str | None = None
    """The model that it uses whatever the client names; None: the client's. Live clients name theirs in a message, and
    messages of Live pass unchanged."""
    open_live: OpenLiveUpstream | None = None
    """None: the API has no Live sessions."""

    def unchanged(self) -> Upstream:
        """The same for sessions whose messages pass unchanged: both sides have one dialect."""
        return msgspec.structs.replace(self, dialect=DEFAULT_DIALECT)


class UpstreamSide:
    """Translates one connection to an upstream; its methods are called in the order of the messages.

    Audio is transcoded where the upstream does not support the client's format; the client sees its own format.
    """

    def __init__(
        self, dialect: str, *, client_dialect: str, new_id: Callable[[str], str], model: str | None = None
    ) -> None:
        """Raises ValueError: there is no such dialect."""
        if dialect not in PROFILES:
            raise ValueError(f"no dialect {dialect!r}; known: {', '.join(PROFILES)}")
        self._dialect = dialect
        self._profile = PROFILES[dialect]

        def new_event_id() -> str:
            return new_id("event")

        self._new_event_id = new_event_id
        self.utterances: UtteranceCommands = UtteranceCommands(self._profile.utterance, model=model)
        """What the upstream gets, in its order."""
        self.released: list[Translation] = []
        """What has waited for the event that was read last, and is sent to the upstream now."""
        lacks_added = "conversation.item.added" in self._profile.lacks_events
        self._items = CreatedToAdded(new_event_id=new_event_id) if lacks_added else None
        self._audio = UpstreamAudio(self._profile, PROFILES[client_dialect], new_event_id=new_event_id)

    def append(self, event: InputAudioBufferAppendEvent) -> bytes | None:
        """An append as the upstream's text on the fast path; None if there is none, empty if no sample is ready."""
        if event.extra or event.type not in fast_paths(self._dialect) or not self.utterances.passes_audio:
            return None
        recoded = self._audio.input_audio(event)
        return b"" if recoded is None else encode(recoded, dialect=self._dialect)

    def write(self, event: RealtimeEvent) -> list[Translation]:
        """The upstream's frames for a client's event; one whose frame is None, if there is no counterpart."""
        match event:
            case InputAudioBufferAppendEvent():
                recoded = self._audio.input_audio(event)
                return [] if recoded is None else self._in_order(recoded)
            case InputAudioBufferCommitEvent():
                rest = self._audio.rest_of_input()
                return [sent for each in (rest, event) if each is not None for sent in self._in_order(each)]
            case InputAudioBufferClearEvent():
                self._audio.input_cleared()
            case SessionUpdateEvent():
                event = self._audio.update(event)
            case ConversationItemCreateEvent(item=item):
                event = msgspec.structs.replace(event, item=self._audio.item_up(item))
            case ResponseCreateEvent() if is_set(event.response):
                create = self._audio.requested_response(event)
                if create is None:
                    return [Translation(None, ("response.audio.output.format",))]
                event = create
            case _:
                pass  # other events have neither audio nor formats
        return self._in_order(event)

    def first(self) -> list[Translation]:
        """The upstream's frames that come before anything else."""
        return [self._translated(event) for event in self.utterances.first()]

    def configure(self, event: SessionUpdateEvent) -> Translation:
        """The upstream's frame for the first configuration of the session."""
        return self._translated(self._audio.initial_update(event))

    def read(self, message: str | bytes) -> Sequence[RealtimeEvent]:
        """The events of an upstream's message, none to many. Raises DecodeError if it is not a JSON object."""
        if self._profile.twins and parse_object(message).get("type") in self._profile.twins:
            return ()  # a duplicate of another event
        event = decode(message, dialect=self._dialect)
        if not self.utterances.passes:
            self.released = [self._translated(each) for each in self.utterances.received(event)]
        if isinstance(event, ResponseAudioDeltaEvent):
            return self._audio.speech(event)
        if isinstance(event, UnknownRealtimeEvent):
            return () if event.type in self._profile.heartbeats else (event,)
        return [part for recoded in self._recoded(event) for part in self._in_items(recoded)]

    def _in_order(self, event: RealtimeEvent) -> list[Translation]:
        """The frames of an event, with what the upstream wants before it; none yet, if it must wait."""
        return [self._translated(each) for each in self.utterances.outgoing(event)]

    def _translated(self, event: RealtimeEvent) -> Translation:
        return translate(event, dialect=self._dialect)

    def _in_items(self, event: RealtimeEvent) -> Sequence[RealtimeEvent]:
        return [event] if self._items is None else self._items.receive(event)

    def _recoded(self, event: RealtimeEvent) -> Sequence[RealtimeEvent]:
        """The event with the client's audio, formats and parameter names."""
        match event:
            case SessionCreatedEvent() | SessionUpdatedEvent():
                return [self._audio.configuration(event)]
            case ResponseCreatedEvent():
                return [self._audio.response_configuration(event)]
            case ResponseDoneEvent(response=response):
                part = self._audio.response_configuration(event)
                response_id = response.id if is_set(response.id) else ""
                return [*self._audio.response_ended(response_id, cut=response.status == "cancelled"), part]
            case ResponseAudioDoneEvent():
                return self._audio.speech_ended(event)
            case ConversationItemRetrievedEvent(item=item):
                return [msgspec.structs.replace(event, item=self._audio.item_down(item))]
            case ErrorEvent(error=error):
                if not is_set(event.event_id):  # the client counts on one in every event
                    event = msgspec.structs.replace(event, event_id=self._new_event_id())
                if isinstance(error.param, str):
                    error = msgspec.structs.replace(error, param=our_parameter(error.param, self._profile))
                    event = msgspec.structs.replace(event, error=error)
                self._audio.rejected(event)
                return [event]
            case _:
                return [event]
