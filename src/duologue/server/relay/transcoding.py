"""Audio between a client and an upstream whose formats differ: each side sees the format that it knows.

A format that both can have is asked for upstream, and nothing is done to the audio. Otherwise the upstream is asked for
its usual PCM, and audio is transcoded on its way: exactly so many samples as were sent, once a buffer is committed or a
stream of speech is done.
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
"""Updates that wait for their answer. One that is as far behind as that has an upstream which answers none."""


class _Way(Struct, frozen=True):
    """The encodings of one direction; None: an unknown format, whose audio passes as it is."""

    client: Encoding | None
    upstream: Encoding | None

    @property
    def stream(self) -> TranscodeStream | None:
        """What turns the client's audio into the upstream's; None where there is nothing to do."""
        if self.client is None or self.upstream is None or self.client == self.upstream:
            return None
        return TranscodeStream(self.client, self.upstream)

    @property
    def differs(self) -> bool:
        return self.client is not None and self.upstream is not None and self.client != self.upstream

    @property
    def back(self) -> _Way:
        return _Way(self.upstream, self.client)


class _Update(Struct, frozen=True):
    """A `session.update` that is not answered yet, and what it says of formats; None: nothing."""

    event_id: object
    input: _Way | None
    """From now on: audio that follows the update is in its format."""
    output: _Way | None
    """From its answer on: until then the upstream uses the previous format."""


class UpstreamAudio:
    """The audio of one connection, in the order of its messages."""

    def __init__(self, upstream: Profile, client: Profile, *, new_event_id: Callable[[], str]) -> None:
        self._upstream = upstream
        self._new_event_id = new_event_id
        self._input = _Way(_usual(client.input_rates_hz), _usual(upstream.input_rates_hz))
        self._taken_input = self._input
        """What the upstream has agreed to; on top of it come the updates that it has not answered."""
        self._output = _Way(_usual(client.output_rates_hz), _usual(upstream.output_rates_hz))
        self._hearing = self._input.stream
        self._updates: deque[_Update] = deque()
        self._speaking: dict[tuple[str, str, int], TranscodeStream] = {}
        self._in_own_format: set[str] = set()
        """Responses whose client has asked for another format than the session's."""

    # --- up

    def configured(self, event: SessionUpdateEvent) -> SessionUpdateEvent:
        """The client's settings before anything was said: with formats that the upstream takes, from now on."""
        event = self.asked(event)
        while self._updates:
            self._taken(self._updates.popleft())
        return event

    def asked(self, event: SessionUpdateEvent) -> SessionUpdateEvent:
        """The client's settings, with formats that the upstream takes."""
        update = _Update(event.event_id, self._asked_way(event, "input"), self._asked_way(event, "output"))
        if update.input is not None and update.input.differs:
            event = with_session_format(event, "input", update.input.upstream)
        if update.output is not None and update.output.differs:
            event = with_session_format(event, "output", update.output.upstream)
        self._updates.append(update)
        if len(self._updates) > _MAX_UPDATES or "session.updated" in self._upstream.lacks_events:
            self._taken(self._updates.popleft())
        self._settle_input()
        return event

    def asked_response(self, event: ResponseCreateEvent) -> ResponseCreateEvent | None:
        """The client's wish for a response, in a format that the upstream takes; None if it takes no such format."""
        wire, way = response_format(event), self._newest_output
        wanted = encoding_of_format(wire)
        if wire is UNSET or wanted is None:
            return event
        if wanted == way.client:
            return with_response_format(event, way.upstream) if way.differs else event
        return event if self._takes("output", wanted) else None

    def input_audio(self, event: InputAudioBufferAppendEvent) -> InputAudioBufferAppendEvent | None:
        """More audio; None where not a sample is ready. What is no base64 passes, for the upstream to refuse."""
        if self._hearing is None:
            return event
        try:
            audio = self._hearing.push(event.decode_audio())
        except ValueError:
            return event
        return msgspec.structs.replace(event, audio=encode_audio(audio)) if audio else None

    def rest_of_input(self) -> InputAudioBufferAppendEvent | None:
        """What is held back of the audio, to be sent before the buffer is committed."""
        rest = self._hearing.flush() if self._hearing is not None else b""
        return InputAudioBufferAppendEvent(audio=encode_audio(rest)) if rest else None

    def input_cleared(self) -> None:
        """The client has thrown its buffer away."""
        self._hearing = self._input.stream

    def item_up(self, item: Any) -> Any:
        """An item that the client makes."""
        return _with_audio(item, self._input, self._output)

    # --- down

    def configuration(self, event: Configures) -> Configures:
        """The upstream's settings, with the formats that the client knows."""
        if isinstance(event, SessionUpdatedEvent) and self._updates:
            self._taken(self._updates.popleft())
        input_audio, spoken = session_format(event, "input"), session_format(event, "output")
        if input_audio is not UNSET:
            self._taken_input = _Way(self._taken_input.client, encoding_of_format(input_audio))
        if spoken is not UNSET:
            self._output = _Way(self._output.client, encoding_of_format(spoken))
        self._settle_input()
        taken = self._taken_input
        event = with_session_format(event, "input", taken.client) if taken.differs else event
        return with_session_format(event, "output", self._output.client) if self._output.differs else event

    def refused(self, event: ErrorEvent) -> None:
        """If this answers an update, discard that update; the others stay pending."""
        answered, param = event.error.event_id, event.error.param
        for update in self._updates:
            named = isinstance(answered, str) and answered == update.event_id
            if named or (not isinstance(answered, str) and isinstance(param, str) and param.startswith("session.")):
                self._updates.remove(update)
                self._settle_input()
                return

    def response_configuration(self, event: Responds) -> Responds:
        """A response as it begins or ends, with the format in which the client hears it."""
        response_id = str(getattr(event.response, "id", ""))
        wire = response_format(event)
        if wire is not UNSET and encoding_of_format(wire) != self._output.upstream:
            if isinstance(event, ResponseCreatedEvent):
                self._in_own_format.add(response_id)
        elif wire is not UNSET and self._output.differs:
            return with_response_format(event, self._output.client)
        return event

    def response_over(self, response_id: str) -> None:
        """Nothing more of this response will come."""
        self._in_own_format.discard(response_id)
        for key in [key for key in self._speaking if key[0] == response_id]:
            del self._speaking[key]

    def spoken(self, event: ResponseAudioDeltaEvent) -> list[RealtimeEvent]:
        """More speech; nothing where not a sample is ready. What is no base64 passes."""
        key = (event.response_id, event.item_id, event.content_index)
        if key not in self._speaking:
            stream = self._output.back.stream if event.response_id not in self._in_own_format else None
            if stream is None:
                return [event]
            self._speaking[key] = stream
        try:
            audio = self._speaking[key].push(event.decode_audio())
        except ValueError:
            return [event]
        return [msgspec.structs.replace(event, delta=encode_audio(audio))] if audio else []

    def all_spoken(self, event: ResponseAudioDoneEvent) -> list[RealtimeEvent]:
        """The rest of the speech, and its end."""
        stream = self._speaking.pop((event.response_id, event.item_id, event.content_index), None)
        if stream is None or not (rest := stream.flush()):
            return [event]
        last = ResponseAudioDeltaEvent(
            event_id=self._new_event_id(),
            response_id=event.response_id,
            item_id=event.item_id,
            output_index=event.output_index,
            content_index=event.content_index,
            delta=encode_audio(rest),
        )
        return [last, event]

    def item_down(self, item: Any) -> Any:
        """An item that the upstream sends."""
        return _with_audio(item, self._input.back, self._output.back)

    # --- what they have in common

    @property
    def _newest_output(self) -> _Way:
        asked = (update.output for update in reversed(self._updates))
        return next((way for way in asked if way is not None), self._output)

    def _taken(self, update: _Update) -> None:
        """The upstream agrees to an update."""
        self._taken_input = update.input or self._taken_input
        self._output = update.output or self._output

    def _settle_input(self) -> None:
        """Take input in the format that was requested last and not rejected."""
        asked = (update.input for update in reversed(self._updates))
        way = next((way for way in asked if way is not None), self._taken_input)
        if way != self._input:
            self._input, self._hearing = way, way.stream

    def _asked_way(self, event: SessionUpdateEvent, side: Side) -> _Way | None:
        """The encodings that follow from an update; None if it says nothing of them."""
        wire = session_format(event, side)
        if wire is UNSET:
            return None
        wanted = encoding_of_format(wire)
        if wanted is None or self._takes(side, wanted):
            return _Way(wanted, wanted)
        return _Way(wanted, _usual(self._rates_hz(side)))

    def _takes(self, side: Side, encoding: Encoding) -> bool:
        """Whether the upstream has an encoding, and can be asked for it."""
        rates_hz = self._rates_hz(side)
        if encoding == _usual(rates_hz):
            return True
        if encoding.type == PCM.type and encoding.rate_hz not in rates_hz:
            return False
        wire = wire_of(encoding)
        audio = (
            AudioConfig(input=AudioInputConfig(format=wire))
            if side == "input"
            else AudioConfig(output=AudioOutputConfig(format=wire))
        )
        asked = SessionUpdateEvent(session=RealtimeSessionConfig(audio=audio))
        translation = translate(asked, dialect=self._upstream.name)
        return translation.frame is not None and not translation.lost

    def _rates_hz(self, side: Side) -> Sequence[int]:
        return self._upstream.input_rates_hz if side == "input" else self._upstream.output_rates_hz


def _usual(rates_hz: Sequence[int]) -> Encoding | None:
    """A dialect's default PCM; None where it has no speech."""
    return Encoding.of(PCM.type, rates_hz[0]) if rates_hz else None


def _with_audio(item: Any, input_audio: _Way, spoken: _Way) -> Any:
    """An item with the audio of its parts transcoded."""
    if not isinstance(item, MessageItem) or not (input_audio.differs or spoken.differs):
        return item
    return msgspec.structs.replace(item, content=[_in_other_format(part, input_audio, spoken) for part in item.content])


def _in_other_format(part: ContentPart, input_audio: _Way, spoken: _Way) -> ContentPart:
    if not isinstance(part, InputAudioPart | OutputAudioPart) or not isinstance(part.audio, str):
        return part
    way = input_audio if isinstance(part, InputAudioPart) else spoken
    if way.client is None or way.upstream is None:
        return part
    try:
        audio = decode_audio(part.audio)
    except ValueError:
        return part  # for the other side to refuse
    return msgspec.structs.replace(part, audio=encode_audio(transcode(audio, way.client, way.upstream)))
