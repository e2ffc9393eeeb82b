"""What an application receives on a call: the events of the data channel, and the track's sound as events of speech.

    received · heard            a message of the data channel, 20 ms of sound
    tick                        due at `next_due_at`, also where no sound comes
    take                        the messages for the application, in order

Over WebRTC no event carries speech. `output_audio_buffer.started` says whose sound begins, `stopped` and `cleared` that
it has ended; between them each piece becomes a `response.output_audio.delta`.

A response is generated faster than it is played, so its end comes seconds before that of its sound. For the
application the order is that of a WebSocket: `response.output_audio.done` and `response.done` wait until the sound has
ended. Only the end of a response that calls functions does not wait: their outputs are sent behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final

from duologue.audio.formats import PCM, Encoding
from duologue.codec import decode
from duologue.errors import DecodeError
from duologue.events import (
    FunctionCallItem,
    OutputAudioBufferClearedEvent,
    OutputAudioBufferStartedEvent,
    OutputAudioBufferStoppedEvent,
    RealtimeEvent,
    ResponseAudioDeltaEvent,
    ResponseAudioDoneEvent,
    ResponseContentPartAddedEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    ResponseOutputItemAddedEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
    is_set,
)
from duologue.protocol.client.audio_formats import encoding_of_format, session_encodings
from duologue.protocol.client.call.call_speech import CallSpeech
from duologue.protocol.client.call.recent_sound import RecentSound
from duologue.protocol.client.response_ids import response_id_of

__all__ = ["HeardTrack"]

_TAIL_S: Final = 0.4
"""How long sound that was on its way when the server had sent the last of it is waited for: it passes a jitter buffer,
and the event does not."""

_TAIL_FRAMES: Final = 5
"""Silence that ends such a tail before: 100 ms, which is longer than the closure of a consonant."""

_UNTOLD_END_S: Final = 2.0
"""Silence after which the sound of a response that is done has ended, where no event says so: some servers send none.
A pause between two sentences is shorter."""

_REMEMBERED: Final = 64
"""Responses that are known; sound follows in the same turn or never."""


class HeardTrack:
    """One call's output. `now` is any clock in seconds; `new_id` makes ids of events. Frames are PCM at 24 kHz."""

    def __init__(self, *, new_id: Callable[[str], str]) -> None:
        self.input_encoding: Encoding = PCM
        """Of the session's input."""
        self._new_id = new_id
        self._encoding: Encoding = PCM
        self._speeches: dict[str, CallSpeech] = {}
        self._generating: dict[str, None] = {}
        """Responses that the server has begun and not ended."""
        self._playing: CallSpeech | None = None
        self._tail: tuple[str, float] | None = None
        """The message that tells the end of the sound, and until when the rest of the sound is waited for."""
        self._recent = RecentSound()
        self._held_at = -inf
        self._tells_beginnings = self._sends_deltas = False
        """What the server does: `output_audio_buffer.started`, and speech in events, which is then not told twice."""
        self._messages: list[str] = []

    def take(self) -> list[str]:
        """Messages for the application since the last call."""
        messages, self._messages = self._messages, []
        return messages

    @property
    def next_due_at(self) -> float:
        """When `tick` is due; infinity while nothing waits."""
        if self._tail is not None:
            return self._tail[1]
        waits = any(speech.held for speech in self._speeches.values())
        return max(self._held_at, self._recent.sounded_at) + _UNTOLD_END_S if waits else inf

    # --- what happens

    def received(self, message: str | bytes, *, now: float) -> None:
        """A message of the data channel."""
        text = message if isinstance(message, str) else message.decode("utf-8", "replace")
        try:
            event = decode(text)
        except DecodeError:
            self._messages.append(text)  # the application is told that it cannot be read
            return
        if not self._waits(event, text, now):
            self._messages.append(text)
        if isinstance(event, ResponseContentPartAddedEvent | OutputAudioBufferStartedEvent):
            self._begin_if_told(self._speech_of(event.response_id))

    def heard(self, frame: bytes, *, now: float) -> None:
        """The next 20 ms of sound."""
        is_loud = self._recent.add(frame, now=now)
        if is_loud and self._playing is None and not self._tells_beginnings:
            self._begin_latest()
        elif self._playing is not None:
            self._recent.forget()
            self._speak(self._playing, frame)
        if self._tail is not None and self._recent.n_quiet >= _TAIL_FRAMES:
            self._end_tail()
        self.tick(now)

    def tick(self, now: float) -> None:
        """Time has passed."""
        if now < self.next_due_at:
            return
        if self._tail is not None:
            self._end_tail()
        for speech in [each for each in self._speeches.values() if each.held]:
            if now >= self.next_due_at:
                self._end(speech)

    def end(self) -> None:
        """The call is over: nothing waits any more."""
        self._end_tail()
        for speech in [*self._speeches.values()]:
            self._end(speech)

    def is_generated(self, response_id: str | None) -> bool:
        """Whether a response that the application wants to cancel, or the present one, has only its sound left."""
        if response_id is not None:
            return (speech := self._speeches.get(response_id)) is not None and speech.is_done
        return not self._generating and any(speech.is_done for speech in self._speeches.values())

    # --- events

    def _waits(self, event: RealtimeEvent, text: str, now: float) -> bool:
        """Note what an event says. Whether it waits for the end of the sound."""
        match event:
            case SessionCreatedEvent() | SessionUpdatedEvent():
                heard, spoken = session_encodings(event.session)
                self.input_encoding, self._encoding = heard or PCM, spoken or PCM
            case ResponseCreatedEvent():
                self._created(event)
            case ResponseOutputItemAddedEvent(item=FunctionCallItem()):
                self._speech_of(event.response_id).calls_functions = True
            case ResponseContentPartAddedEvent():
                self._speech_of(event.response_id).part_added(event)
            case ResponseAudioDeltaEvent():
                self._sends_deltas = True
            case ResponseAudioDoneEvent():
                return self._hold(self._speeches.get(event.response_id), text, now)
            case ResponseDoneEvent():
                return self._done(event, text, now)
            case OutputAudioBufferStartedEvent():
                self._tells_beginnings = True
                speech = self._speech_of(event.response_id)
                speech.is_begun, speech.is_over = True, False
            case OutputAudioBufferStoppedEvent() if self._is_playing(event.response_id):
                self._end_tail()
                self._recent.n_quiet = 0
                self._tail = (text, now + _TAIL_S)
                return True
            case OutputAudioBufferStoppedEvent() | OutputAudioBufferClearedEvent():
                self._broken_off(event.response_id)
            case _:
                pass  # says nothing about sound
        return False

    def _created(self, event: ResponseCreatedEvent) -> None:
        response_id = response_id_of(event.response)
        audio = event.response.audio.output if is_set(event.response.audio) else None
        named = encoding_of_format(audio.format) if is_set(audio) and is_set(audio.format) else None
        self._speech_of(response_id, named)
        self._generating[response_id] = None
        if len(self._generating) > _REMEMBERED:
            del self._generating[next(iter(self._generating))]

    def _speech_of(self, response_id: str, encoding: Encoding | None = None) -> CallSpeech:
        if (speech := self._speeches.get(response_id)) is None:
            speech = self._speeches[response_id] = CallSpeech(response_id, encoding=encoding or self._encoding)
            if len(self._speeches) > _REMEMBERED:
                self._end(self._speeches.pop(next(iter(self._speeches))))
        return speech

    def _done(self, event: ResponseDoneEvent, text: str, now: float) -> bool:
        response_id = response_id_of(event.response)
        self._generating.pop(response_id, None)
        speech = self._speeches.get(response_id)
        if speech is None or speech.calls_functions:
            return False
        if event.response.status != "completed" and not speech.is_begun and speech is not self._playing:
            self._end(speech)  # it is not played any more
        speech.is_done = self._hold(speech, text, now)
        return speech.is_done

    def _hold(self, speech: CallSpeech | None, text: str, now: float) -> bool:
        if speech is None or not speech.has_part or speech.is_over or self._sends_deltas:
            return False
        speech.held.append(text)
        self._held_at = now
        return True

    # --- the beginning and the end of a sound

    def _is_playing(self, response_id: str) -> bool:
        return self._playing is not None and self._playing.response_id == response_id

    def _begin_if_told(self, speech: CallSpeech) -> None:
        if speech.is_begun and speech.has_part and not speech.is_over and speech is not self._playing:
            self._begin(speech)

    def _begin_latest(self) -> None:
        """Something is heard, and the server does not tell of which response: the latest that has speech."""
        speech = next((each for each in reversed(self._speeches.values()) if each.has_part), None)
        if speech is not None and not speech.is_over:
            self._begin(speech)

    def _begin(self, speech: CallSpeech) -> None:
        self._end_tail()
        if self._playing is not None:
            self._end(self._playing)
        self._playing = speech
        self._speak(speech, self._recent.take_beginning())

    def _speak(self, speech: CallSpeech, pcm: bytes) -> None:
        if pcm and not self._sends_deltas:
            self._add(speech.delta(pcm, event_id=self._new_id("event")))

    def _end_tail(self) -> None:
        if self._tail is not None:
            (message, _), self._tail = self._tail, None
            if self._playing is not None:
                self._end(self._playing)
            self._messages.append(message)

    def _broken_off(self, response_id: str) -> None:
        speech = self._speeches.get(response_id)
        if speech is not None:
            was_playing = speech is self._playing
            self._end(speech)
            self._end_tail()
            if was_playing:
                self._recent.forget(in_flight=True)

    def _end(self, speech: CallSpeech) -> None:
        """The sound of a response has ended: tell the application what waited for that."""
        if speech is self._playing:
            self._playing = None
            self._recent.forget()
            self._add(speech.rest(event_id=self._new_id("event")))
        speech.is_over, speech.is_done, speech.is_begun = True, False, False
        self._messages += speech.held
        speech.held.clear()

    def _add(self, message: str | None) -> None:
        if message is not None:
            self._messages.append(message)
