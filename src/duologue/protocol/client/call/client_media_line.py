"""A call over WebRTC between an application that speaks as over a WebSocket, and a peer with a track and a channel.

    from_application · from_channel · heard      what comes; `take_frames` at `next_due_at`
    take_frames · take_for_channel · take_for_application      what follows from it

The application appends audio and gets deltas of audio, as on a WebSocket; on the call both are sound on the track.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from duologue.audio.formats import PCM, Encoding
from duologue.codec import decode, encode
from duologue.errors import DecodeError
from duologue.events import (
    ErrorEvent,
    InputAudioBufferAppendEvent,
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    OutputAudioBufferClearEvent,
    RealtimeError,
    RealtimeSessionConfig,
    ResponseCancelEvent,
    SessionUpdateEvent,
    TranscriptionSessionConfig,
    is_set,
)
from duologue.protocol.client.audio_formats import encoding_of_format, input_config
from duologue.protocol.client.call.heard_track import HeardTrack
from duologue.protocol.client.call.sent_track import SentTrack

__all__ = ["ClientMediaLine"]


class _Asked(Struct):
    """A change of the input's format that the server has not answered."""

    event_id: str
    before: Encoding


class ClientMediaLine:
    """The client's end of one call. `now` is any clock in seconds; frames are 20 ms of PCM at 24 kHz."""

    def __init__(self, *, new_id: Callable[[str], str], now: float) -> None:
        self._new_id = new_id
        self._sent = SentTrack(now=now)
        self._heard = HeardTrack(new_id=new_id)
        self._encoding: Encoding = PCM
        """Of what is appended."""
        self._reported = PCM
        """As the server told last."""
        self._asked: _Asked | None = None
        self._for_application: list[str] = []

    # --- what comes

    def from_application(self, message: str) -> None:
        """A message that the application sends."""
        try:
            event = decode(message)
        except DecodeError:
            event = None  # the server will say so
        match event:
            case InputAudioBufferAppendEvent() if (audio := _audio_of(event)) is not None:
                self._sent.append(audio)
            case InputAudioBufferCommitEvent():
                self._sent.send(message, behind_sound=True)
            case InputAudioBufferClearEvent():
                self._sent.clear(message)
            case ResponseCancelEvent(response_id=named):
                if self._heard.is_generated(named if is_set(named) else None):
                    # For the application it runs as long as it is heard; the server would find nothing to cancel.
                    message = encode(OutputAudioBufferClearEvent(event_id=event.event_id)).decode("utf-8")
                self._sent.send(message, at_once=True)
            case OutputAudioBufferClearEvent():
                self._sent.send(message, at_once=True)
            case SessionUpdateEvent():
                self._sent.send(message)
                self._format_asked(event)
            case _:
                self._sent.send(message)

    def from_channel(self, message: str | bytes, *, now: float) -> None:
        """A message of the data channel."""
        self._heard.received(message, now=now)
        if self._heard.input_encoding != self._reported:
            self._reported = self._heard.input_encoding
            self._asked = None
            self._use(self._reported)
        elif self._asked is not None:
            self._format_answered(message)

    def heard(self, frame: bytes, *, now: float) -> None:
        """The next 20 ms of the server's sound."""
        self._heard.heard(frame, now=now)

    def unsent(self, message: str, reason: str) -> None:
        """A message for the channel cannot be sent: the application gets the answer that the server would give."""
        try:
            named = decode(message).event_id
        except DecodeError:
            named = ""
        error = RealtimeError(
            type="invalid_request_error",
            code="message_too_long",
            message=reason,
            event_id=str(named) if is_set(named) and named else None,
        )
        event = ErrorEvent(event_id=self._new_id("event"), error=error)
        self._for_application.append(encode(event).decode("utf-8"))

    def end(self) -> None:
        """The call is over: what waits for the end of a sound is told."""
        self._heard.end()

    # --- what follows

    @property
    def next_due_at(self) -> float:
        """When `take_frames` is due."""
        return min(self._sent.next_due_at, self._heard.next_due_at)

    @property
    def waiting_ms(self) -> int:
        """How much of the application's sound is still to be played."""
        return self._sent.waiting_ms

    @property
    def is_heard(self) -> bool:
        """Whether all that the application has sent has been heard."""
        return self._sent.is_heard

    @property
    def n_held(self) -> int:
        """Messages for the channel that wait until the sound before them has been heard."""
        return self._sent.n_held

    def take_frames(self, now: float) -> list[bytes]:
        """The frames that are due."""
        self._heard.tick(now)
        return self._sent.take_frames(now)

    def take_for_channel(self) -> list[str]:
        """Messages to send on the data channel, in order."""
        return self._sent.take_messages()

    def take_for_application(self) -> list[str]:
        """Messages for the application, in order."""
        messages, self._for_application = self._for_application + self._heard.take(), []
        return messages

    # --- the format of what is appended

    def _format_asked(self, event: SessionUpdateEvent) -> None:
        config = event.session
        if not isinstance(config, RealtimeSessionConfig | TranscriptionSessionConfig):
            return
        wire = input_config(config.audio)
        if wire is not None and is_set(wire.format):
            self._asked = _Asked(str(event.event_id), self._encoding)
            # What is appended from now on has this format, whenever the answer comes.
            self._use(encoding_of_format(wire.format) or PCM)

    def _format_answered(self, message: str | bytes) -> None:
        assert self._asked is not None
        try:
            event = decode(message)
        except DecodeError:
            return
        if isinstance(event, ErrorEvent) and event.error.event_id == self._asked.event_id:
            before, self._asked = self._asked.before, None
            self._use(before)

    def _use(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._sent.use(encoding)


def _audio_of(event: InputAudioBufferAppendEvent) -> bytes | None:
    try:
        return event.decode_audio()
    except ValueError:
        return None
