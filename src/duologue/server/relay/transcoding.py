"""Audio between a client and an upstream with different formats: each side sees its own format.

If the upstream supports the client's format, it is requested upstream and the audio passes unchanged. Otherwise the
upstream's default PCM is requested and the audio is transcoded. No samples are lost: a commit, or the end of a
response's audio, flushes the transcoder.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from duologue.audio.formats import PCM, Encoding
from duologue.audio.transcoding import TranscodeStream, transcode
from duologue.codec import translate
from duologue.dialects import Profile
from duologue.events import (
    AudioConfig,
    AudioInputConfig,
    AudioOutputConfig,
    ContentPart,
    ErrorEvent,
    InputAudioBufferAppendEvent,
    InputAudioPart,
    MessageItem,
    OutputAudioPart,
    RealtimeEvent,
    RealtimeSessionConfig,
    ResponseAudioDeltaEvent,
    ResponseAudioDoneEvent,
    ResponseCreatedEvent,
    ResponseCreateEvent,
    SessionUpdatedEvent,
    SessionUpdateEvent,
)
from duologue.events.base import decode_audio, encode_audio
from duologue.protocol.client.audio_formats import encoding_of_format
from duologue.server.relay.audio_formats import (
    Configures,
    Responds,
    Side,
    response_format,
    session_format,
    wire_of,
    with_response_format,
    with_session_format,
)

__all__ = ["UpstreamAudio"]

_MAX_UPDATES: Final = 64
"""Updates that wait for an answer. With more of them, the upstream does not answer updates."""

_REMEMBERED: Final = 64
"""Responses that are known; speech behind the end of one follows in the same turn or never."""


class _Encodings(Struct, frozen=True):
    """The encodings of one direction; None: an unknown format, whose audio passes unchanged."""

    client: Encoding | None
    upstream: Encoding | None

    @property
    def stream(self) -> TranscodeStream | None:
        """Transcodes the client's audio to the upstream's; None if nothing is to be transcoded."""
        if self.client is None or self.upstream is None or self.client == self.upstream:
            return None
        return TranscodeStream(self.client, self.upstream)

    @property
    def differs(self) -> bool:
        return self.client is not None and self.upstream is not None and self.client != self.upstream

    @property
    def back(self) -> _Encodings:
        return _Encodings(self.upstream, self.client)


class _Update(Struct, frozen=True):
    """A `session.update` that has no answer yet, with the formats that it sets; None: it sets none."""

    event_id: object
    input: _Encodings | None
    """In force at once: the audio behind the update is in its format."""
    output: _Encodings | None
    """In force from the answer on: until then the upstream sends the previous format."""


class UpstreamAudio:
    """The audio of one connection; its methods are called in the order of the messages."""

    def __init__(self, upstream: Profile, client: Profile, *, new_event_id: Callable[[], str]) -> None:
        self._upstream = upstream
        self._new_event_id = new_event_id
        self._input = _Encodings(_default_pcm(client.input_rates_hz), _default_pcm(upstream.input_rates_hz))
        self._accepted_input = self._input
        """What the upstream has accepted, without the updates that it has not answered."""
        self._output = _Encodings(_default_pcm(client.output_rates_hz), _default_pcm(upstream.output_rates_hz))
        self._input_stream = self._input.stream
        self._updates: deque[_Update] = deque()
        self._output_streams: dict[tuple[str, str, int], tuple[TranscodeStream, ResponseAudioDeltaEvent]] = {}
        """By part: its transcoder, and its first piece without the audio."""
        self._with_own_format: dict[str, None] = {}
        """Responses for which the client has requested another format than the session's."""

    # --- to the upstream

    def initial_update(self, event: SessionUpdateEvent) -> SessionUpdateEvent:
        """The first `session.update` of the connection, with formats that the upstream supports; counts as accepted."""
        event = self.update(event)
        while self._updates:
            self._accept(self._updates.popleft())
        return event

    def update(self, event: SessionUpdateEvent) -> SessionUpdateEvent:
        """A client's `session.update`, with formats that the upstream supports."""
        update = _Update(event.event_id, self._requested(event, "input"), self._requested(event, "output"))
        if update.input is not None and update.input.differs:
            event = with_session_format(event, "input", update.input.upstream)
        if update.output is not None and update.output.differs:
            event = with_session_format(event, "output", update.output.upstream)
        self._updates.append(update)
        if len(self._updates) > _MAX_UPDATES or "session.updated" in self._upstream.lacks_events:
            self._accept(self._updates.popleft())
        self._update_input()
        return event

    def requested_response(self, event: ResponseCreateEvent) -> ResponseCreateEvent | None:
        """A client's `response.create`, with a format that the upstream supports; None if it supports none."""
        wire, encodings = response_format(event), self._requested_output
        wanted = encoding_of_format(wire)
        if wire is UNSET or wanted is None:
            return event
        if wanted == encodings.client:
            return with_response_format(event, encodings.upstream) if encodings.differs else event
        return event if self._supports("output", wanted) else None

    def input_audio(self, event: InputAudioBufferAppendEvent) -> InputAudioBufferAppendEvent | None:
        """Appended audio; None if no sample is complete. Invalid base64 passes: the upstream rejects it."""
        if self._input_stream is None:
            return event
        try:
            audio = self._input_stream.push(event.decode_audio())
        except ValueError:
            return event
        return msgspec.structs.replace(event, audio=encode_audio(audio)) if audio else None

    def rest_of_input(self) -> InputAudioBufferAppendEvent | None:
        """The audio that the transcoder holds back, to be sent before a commit; None if there is none."""
        rest = self._input_stream.flush() if self._input_stream is not None else b""
        return InputAudioBufferAppendEvent(audio=encode_audio(rest)) if rest else None

    def input_cleared(self) -> None:
        """The client has cleared its buffer."""
        self._input_stream = self._input.stream

    def item_up(self, item: Any) -> Any:
        """An item of the client."""
        return _with_audio(item, self._input, self._output)

    # --- from the upstream

    def configuration(self, event: Configures) -> Configures:
        """A `session.created` or `session.updated` of the upstream, with the client's formats."""
        if isinstance(event, SessionUpdatedEvent) and self._updates:
            self._accept(self._updates.popleft())
        input_audio, spoken = session_format(event, "input"), session_format(event, "output")
        if input_audio is not UNSET:
            self._accepted_input = _Encodings(self._accepted_input.client, encoding_of_format(input_audio))
        if spoken is not UNSET:
            self._output = _Encodings(self._output.client, encoding_of_format(spoken))
        self._update_input()
        taken = self._accepted_input
        event = with_session_format(event, "input", taken.client) if taken.differs else event
        return with_session_format(event, "output", self._output.client) if self._output.differs else event

    def rejected(self, event: ErrorEvent) -> None:
        """Discard the update that this error rejects, if it is about one."""
        answered, param = event.error.event_id, event.error.param
        for update in self._updates:
            named = isinstance(answered, str) and answered == update.event_id
            if named or (not isinstance(answered, str) and isinstance(param, str) and param.startswith("session.")):
                self._updates.remove(update)
                self._update_input()
                return

    def response_configuration(self, event: Responds) -> Responds:
        """A `response.created` or `response.done`, with the client's format."""
        response_id = str(getattr(event.response, "id", ""))
        wire = response_format(event)
        if wire is not UNSET and encoding_of_format(wire) != self._output.upstream:
            if isinstance(event, ResponseCreatedEvent):
                self._with_own_format[response_id] = None
                if len(self._with_own_format) > _REMEMBERED:
                    del self._with_own_format[next(iter(self._with_own_format))]
        elif wire is not UNSET and self._output.differs:
            return with_response_format(event, self._output.client)
        return event

    def response_ended(self, response_id: str, *, cut: bool) -> list[RealtimeEvent]:
        """A response is done: drop its transcoders. Returns what they hold back, unless the speech was cut off."""
        keys = [key for key in self._output_streams if key[0] == response_id]
        rests = [last for key in keys for last in self._rest(key)]  # the end of the speech is lost
        return [] if cut else rests

    def speech(self, event: ResponseAudioDeltaEvent) -> list[RealtimeEvent]:
        """A piece of speech; nothing if no sample is complete. Invalid base64 passes."""
        key = (event.response_id, event.item_id, event.content_index)
        if key not in self._output_streams:
            stream = self._output.back.stream if event.response_id not in self._with_own_format else None
            if stream is None:
                return [event]
            self._output_streams[key] = (stream, msgspec.structs.replace(event, delta=""))
            if len(self._output_streams) > _REMEMBERED:  # speech behind the end of its response may have no other end
                del self._output_streams[next(iter(self._output_streams))]
        stream = self._output_streams[key][0]
        try:
            audio = stream.push(event.decode_audio())
        except ValueError:
            return [event]
        return [msgspec.structs.replace(event, delta=encode_audio(audio))] if audio else []

    def speech_ended(self, event: ResponseAudioDoneEvent) -> list[RealtimeEvent]:
        """The rest of the transcoder, and the end of the speech."""
        return [*self._rest((event.response_id, event.item_id, event.content_index)), event]

    def _rest(self, key: tuple[str, str, int]) -> list[RealtimeEvent]:
        """What the transcoder of a part holds back; it is dropped."""
        if key not in self._output_streams:
            return []
        stream, first = self._output_streams.pop(key)
        rest = stream.flush()
        if not rest:
            return []
        return [msgspec.structs.replace(first, event_id=self._new_event_id(), delta=encode_audio(rest))]

    def item_down(self, item: Any) -> Any:
        """An item of the upstream."""
        return _with_audio(item, self._input.back, self._output.back)

    # --- formats

    @property
    def _requested_output(self) -> _Encodings:
        requested = (update.output for update in reversed(self._updates))
        return next((encodings for encodings in requested if encodings is not None), self._output)

    def _accept(self, update: _Update) -> None:
        """The upstream has accepted an update."""
        self._accepted_input = update.input or self._accepted_input
        self._output = update.output or self._output

    def _update_input(self) -> None:
        """Use the input format that was requested last and not rejected."""
        requested = (update.input for update in reversed(self._updates))
        encodings = next((encodings for encodings in requested if encodings is not None), self._accepted_input)
        if encodings != self._input:
            self._input, self._input_stream = encodings, encodings.stream

    def _requested(self, event: SessionUpdateEvent, side: Side) -> _Encodings | None:
        """The encodings after an update; None if it does not set them."""
        wire = session_format(event, side)
        if wire is UNSET:
            return None
        wanted = encoding_of_format(wire)
        if wanted is None or self._supports(side, wanted):
            return _Encodings(wanted, wanted)
        return _Encodings(wanted, _default_pcm(self._rates_hz(side)))

    def _supports(self, side: Side, encoding: Encoding) -> bool:
        """Whether an encoding can be requested from the upstream."""
        rates_hz = self._rates_hz(side)
        if encoding == _default_pcm(rates_hz):
            return True
        if encoding.type == PCM.type and encoding.rate_hz not in rates_hz:
            return False
        wire = wire_of(encoding)
        audio = (
            AudioConfig(input=AudioInputConfig(format=wire))
            if side == "input"
            else AudioConfig(output=AudioOutputConfig(format=wire))
        )
        requested = SessionUpdateEvent(session=RealtimeSessionConfig(audio=audio))
        translation = translate(requested, dialect=self._upstream.name)
        return translation.frame is not None and not translation.lost

    def _rates_hz(self, side: Side) -> Sequence[int]:
        return self._upstream.input_rates_hz if side == "input" else self._upstream.output_rates_hz


def _default_pcm(rates_hz: Sequence[int]) -> Encoding | None:
    """A dialect's default PCM; None if it has no speech."""
    return Encoding.of(PCM.type, rates_hz[0]) if rates_hz else None


def _with_audio(item: Any, input_audio: _Encodings, spoken: _Encodings) -> Any:
    """The item, with the audio of its parts transcoded."""
    if not isinstance(item, MessageItem) or not (input_audio.differs or spoken.differs):
        return item
    return msgspec.structs.replace(item, content=[_transcoded(part, input_audio, spoken) for part in item.content])


def _transcoded(part: ContentPart, input_audio: _Encodings, spoken: _Encodings) -> ContentPart:
    if not isinstance(part, InputAudioPart | OutputAudioPart) or not isinstance(part.audio, str):
        return part
    encodings = input_audio if isinstance(part, InputAudioPart) else spoken
    if encodings.client is None or encodings.upstream is None:
        return part
    try:
        audio = decode_audio(part.audio)
    except ValueError:
        return part  # the other side rejects it
    return msgspec.structs.replace(part, audio=encode_audio(transcode(audio, encodings.client, encodings.upstream)))
