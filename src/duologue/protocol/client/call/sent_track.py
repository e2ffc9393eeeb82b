"""What an application sends on a call: its sound at the speed of sound, and its messages in their order with it.

    append · send · clear       what the application sends
    take_frames                 the frames that are due; `next_due_at` says when to ask again
    take_messages               the messages whose turn it is

The track is never quiet: where the application sends nothing, silence is played, as a muted browser does it. A server
takes a call without sound for one that is gone, and its turn detection hears the end of a turn in the silence.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from duologue.audio.formats import PCM, Encoding
from duologue.audio.pacing import FRAME_MS
from duologue.audio.transcoding import TranscodeStream
from duologue.protocol.client.call.backlog import Backlog

__all__ = ["SentTrack"]

_FRAME_S: Final = FRAME_MS / 1000
_FRAME_BYTES: Final = PCM.bytes_for_ms(FRAME_MS)
_SILENCE: Final = bytes(_FRAME_BYTES)

_GAP_S: Final = 0.06
"""How long sound that goes on is waited for: microphones give theirs in uneven pieces, and silence in between would be
heard. The server's jitter buffer takes it for a slow network."""

_LATE_S: Final = 0.2
"""A program that stood still for longer plays on from now, and does not make up for it: nothing was to be heard."""

_TAIL_FRAMES: Final = 10
"""Silence between sound and a message about it, 200 ms: sound waits in the server's jitter buffer, messages do not."""


class SentTrack:
    """One call's input. `now` is any clock in seconds that does not go backwards; frames are 20 ms of PCM at 24 kHz."""

    def __init__(self, *, now: float) -> None:
        self._encoding = PCM
        self._stream = TranscodeStream(PCM, PCM)
        self._queue: deque[memoryview | str] = deque()
        """Sound, and messages that wait until the sound before them has been heard."""
        self._n_held = 0
        self._ready: list[str] = []
        self._frame = b""
        self._queued_bytes = 0
        self._began_at, self._n_played = now, 0
        self._n_silent = _TAIL_FRAMES
        """Frames of silence since the last sound."""
        self._waits = False
        self._backlog = Backlog()

    @property
    def waiting_ms(self) -> int:
        """How much sound is still to be played."""
        return PCM.duration_ms(self._queued_bytes + len(self._frame))

    @property
    def is_heard(self) -> bool:
        """Whether all that was sent has been heard."""
        return not self._queue and not self._frame and self._n_silent >= _TAIL_FRAMES

    @property
    def n_held(self) -> int:
        """Messages that wait until the sound before them has been heard."""
        return self._n_held

    @property
    def next_due_at(self) -> float:
        """When `take_frames` is due, if nothing is sent before."""
        return self._due_at + (_GAP_S if self._waits else 0.0)

    def use(self, encoding: Encoding) -> None:
        """Sound that is appended from now on has this encoding: the session's. Raises MissingExtra for another rate."""
        if encoding != self._encoding:
            self._add_rest()
            self._stream = TranscodeStream(encoding, PCM)
            self._encoding = encoding

    def append(self, audio: bytes) -> None:
        """More sound of the application's."""
        self._add(self._stream.push(audio))

    def clear(self, message: str) -> None:
        """Drop the sound behind the last message, and send this one, which has the server drop what it has heard."""
        while self._queue and isinstance(self._queue[-1], memoryview):
            self._queued_bytes -= len(self._queue.pop())
        if not self._queue:
            self._frame = b""
        self._stream = TranscodeStream(self._encoding, PCM)
        self._hold(message)

    def send(self, message: str, *, behind_sound: bool = False, at_once: bool = False) -> None:
        """Send a message in its order; `behind_sound`, when the sound before it has been heard; or `at_once`."""
        if behind_sound:
            self._add_rest()
            self._hold(message)
        elif at_once or not self._n_held:
            self._ready.append(message)
        else:
            self._hold(message)

    def take_messages(self) -> list[str]:
        """Messages whose turn it is, in order."""
        self._pass_heard()
        messages, self._ready = self._ready, []
        return messages

    def take_frames(self, now: float) -> list[bytes]:
        """The frames that are due."""
        if now > self._due_at + _LATE_S:
            self._began_at, self._n_played = now, 0
        frames: list[bytes] = []
        self._waits = False
        while self._due_at <= now:
            self._pass_heard()
            frame = self._next_frame(now)
            if frame is None:
                self._waits = True
                break
            if self._n_silent == 0 and self._backlog.drops(frame):
                continue
            frames.append(frame)
            self._n_played += 1
            self._backlog.played(self.waiting_ms)
        return frames

    @property
    def _due_at(self) -> float:
        return self._began_at + self._n_played * _FRAME_S

    def _add(self, audio: bytes) -> None:
        if audio:
            self._queue.append(memoryview(audio))  # cut into frames without copies: one append may have 15 MiB
            self._queued_bytes += len(audio)
            self._backlog.came(PCM.duration_ms(len(audio)))

    def _add_rest(self) -> None:
        self._add(self._stream.flush())

    def _hold(self, message: str) -> None:
        self._queue.append(message)
        self._n_held += 1

    def _pass_heard(self) -> None:
        """Let the messages pass whose sound has been heard."""
        while self._n_silent >= _TAIL_FRAMES and not self._frame and self._queue:
            first = self._queue[0]
            if isinstance(first, memoryview):
                break
            self._ready.append(first)
            self._queue.popleft()
            self._n_held -= 1

    def _next_frame(self, now: float) -> bytes | None:
        """The frame that is due; None: it is waited for."""
        self._fill_frame()
        is_whole, has_sound = len(self._frame) == _FRAME_BYTES, bool(self._frame)
        if not is_whole and not self._queue and (has_sound or self._n_silent == 0) and now < self._due_at + _GAP_S:
            return None
        frame, self._frame = self._frame.ljust(_FRAME_BYTES, b"\0"), b""
        self._n_silent = 0 if has_sound else self._n_silent + 1
        return frame if has_sound else _SILENCE

    def _fill_frame(self) -> None:
        while (missing := _FRAME_BYTES - len(self._frame)) and self._queue:
            first = self._queue[0]
            if isinstance(first, str):
                return
            self._frame += first[:missing]
            self._queued_bytes -= min(missing, len(first))
            if len(first) > missing:
                self._queue[0] = first[missing:]
            else:
                self._queue.popleft()
