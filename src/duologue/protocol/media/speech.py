"""The speech of one response, as frames, with how much of each of its parts was played."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

from duologue.audio.formats import PCM, Encoding
from duologue.audio.pacing import Framer
from duologue.audio.transcoding import TranscodeStream
from duologue.protocol.media.speech_states import SpeechState

__all__ = ["PlayedPart", "Speech", "SpokenFrame"]


class PlayedPart(Struct):
    """A content part that speaks."""

    item_id: str
    content_index: int
    played_samples: int = 0
    """At the rate of the frames, without the silence that fills the last one."""
    n_left: int = 0
    """Frames that are not played yet."""
    complete: bool = False
    """Whether all of it has come."""

    @property
    def played_ms(self) -> int:
        """How much was played, rounded down."""
        return PCM.duration_ms(2 * self.played_samples)

    @property
    def heard_to_its_end(self) -> bool:
        """Whether a cut takes nothing away from it."""
        return self.complete and not self.n_left


class SpokenFrame(NamedTuple):
    """A frame and what it is a frame of."""

    frame: bytes
    speech: Speech
    part: PlayedPart
    n_samples: int


class Speech:
    """The speech of one response; `encoding` is that of its deltas."""

    def __init__(self, response_id: str, encoding: Encoding, *, in_conversation: bool) -> None:
        """Raises `MissingExtra` where the rate is not that of the frames and the `audio` extra is not installed."""
        self.response_id = response_id
        self.in_conversation = in_conversation
        self.state = SpeechState.WAITING
        self.done = False
        """Whether the response is done: no more will come."""
        self.n_left: int = 0
        """Frames that are not played yet."""
        self._parts: dict[tuple[str, int], PlayedPart] = {}
        self._frames: deque[SpokenFrame] = deque()
        self._open: PlayedPart | None = None
        self._transcode = TranscodeStream(encoding, PCM)
        self._framer = Framer(PCM)

    @property
    def over(self) -> bool:
        """Whether all of it has been played."""
        return self.done and not self.n_left

    def push(self, item_id: str, content_index: int, audio: bytes) -> None:
        """More of a part. The part before it is complete, if it is another one."""
        part = self.part(item_id, content_index)
        if part is not self._open:
            self.end_part()
            self._open, part.complete = part, False
        self._add(part, self._framer.push(self._transcode.push(audio)))

    def end_part(self) -> None:
        """All of the open part has come: its last frame is filled up with silence."""
        if (part := self._open) is None:
            return
        self._add(part, self._framer.push(self._transcode.flush()))
        n_samples = self._framer.held_bytes // 2
        if last := self._framer.flush():
            self._add(part, [last], n_samples)
        part.complete, self._open = True, None

    def part(self, item_id: str, content_index: int) -> PlayedPart:
        """A part, which is made where it is new."""
        key = (item_id, content_index)
        if (part := self._parts.get(key)) is None:
            part = self._parts[key] = PlayedPart(item_id, content_index)
        return part

    def take_frames(self) -> Iterator[SpokenFrame]:
        """The frames that were not taken yet."""
        while self._frames:
            yield self._frames.popleft()

    def played(self, spoken: SpokenFrame) -> None:
        """A frame has been handed out."""
        self.n_left -= 1
        spoken.part.n_left -= 1
        spoken.part.played_samples += spoken.n_samples

    def drop(self) -> None:
        """Nothing more of it will be played."""
        self._frames.clear()
        self._framer.flush()
        self._open = None

    def cut_parts(self) -> list[PlayedPart]:
        """The parts that were not played to their end."""
        return [part for part in self._parts.values() if not part.heard_to_its_end]

    def _add(self, part: PlayedPart, frames: list[bytes], n_samples: int | None = None) -> None:
        for frame in frames:
            self._frames.append(SpokenFrame(frame, self, part, len(frame) // 2 if n_samples is None else n_samples))
        part.n_left += len(frames)
        self.n_left += len(frames)
