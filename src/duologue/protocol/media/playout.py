"""What a line plays: the speech of one response after another, in frames, at the speed of its sound.

created · speech · part_over · done    what the session sends
take · next_due_at                     frames that are due
cut                                    the user speaks, or the client wants silence
take_occurrences                       what the client and the session must be told of it, in order
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from msgspec import Struct

from duologue.audio.formats import PCM, Encoding
from duologue.audio.pacing import FRAME_MS, Pacer, silence
from duologue.protocol.media.speech import Speech, SpokenFrame
from duologue.protocol.media.speech_states import SPEECH, SpeechInput, SpeechState
from duologue.protocol.states import ReportIllegal, raise_illegal, step

__all__ = ["TAIL_FRAMES", "Began", "Cleared", "Occurrence", "Playout", "Stopped", "Truncated"]

TAIL_FRAMES: Final = 500
"""Silence behind speech, and behind a cut: 10 s. Timestamps go on by samples, not by the clock, so to a jitter buffer
what follows a pause is late by that pause, unless it is longer than the 2 s with which it compares. Chromium's came to
hold 0.4 s, and one of libwebrtc's 1.1 s, for the rest of the call. Hardly an answer comes 10 to 12 s behind another."""

_SILENT_FRAMES: Final = 10
"""Of it at a time."""

_MAX_LATE_MS: Final = 200
"""A burst of so much is absorbed by a jitter buffer. Of a longer one, behind a standstill of the process, it would drop
the most."""

_REMEMBERED: Final = 64
"""Responses that are known; speech behind the end of one follows at once or never."""


class Began(Struct, frozen=True):
    """The first frame of a response has been handed out."""

    response_id: str


class Stopped(Struct, frozen=True):
    """All of a response has been handed out."""

    response_id: str


class Cleared(Struct, frozen=True):
    """The rest of a response that began will not be played."""

    response_id: str


class Truncated(Struct, frozen=True):
    """Only so much of a part was played, and no more will be."""

    item_id: str
    content_index: int
    audio_end_ms: int


Occurrence: TypeAlias = Began | Stopped | Cleared | Truncated

_OCCURRENCES: Final[Mapping[SpeechState, Callable[[str], Occurrence]]] = {
    SpeechState.PLAYING: Began,
    SpeechState.STOPPED: Stopped,
    SpeechState.CLEARED: Cleared,
}


class Playout:
    """The speech of a session. The first response that speaks is played to its end, then the next one."""

    def __init__(self, *, report_illegal: ReportIllegal = raise_illegal) -> None:
        self.encoding = PCM
        """Of the speech of responses that do not say theirs."""
        self._report_illegal = report_illegal
        self._pacer = Pacer(PCM, max_late_ms=_MAX_LATE_MS)
        self._paced: deque[SpokenFrame | None] = deque()
        """What the pacer's frames are; None for silence."""
        self._created: dict[str, tuple[Encoding | None, bool]] = {}
        self._queue: dict[str, Speech] = {}
        self._cut: dict[str, Speech] = {}
        """Responses that were cut before they were done: what still comes of them is dropped."""
        self._done: dict[str, None] = {}
        self._n_silent_left = 0
        """Silence that is still to be played behind the speech."""
        self._occurrences: list[Occurrence] = []

    @property
    def next_due_at(self) -> float:
        """When the next frame is due; infinity while there is none."""
        return self._pacer.next_due_at

    @property
    def playing(self) -> bool:
        """Whether speech is played, or waits for it; also in a pause of a response that goes on."""
        return bool(self._queue)

    @property
    def waiting_ms(self) -> int:
        """How much speech waits."""
        return FRAME_MS * sum(speech.n_left for speech in self._queue.values())

    def take_occurrences(self) -> list[Occurrence]:
        """What has happened since the last call."""
        taken, self._occurrences = self._occurrences, []
        return taken

    # --- what the session sends

    def created(self, response_id: str, encoding: Encoding | None, *, in_conversation: bool, now: float) -> None:
        """A response begins. `encoding` is that of its speech; None: `self.encoding` when it speaks."""
        if in_conversation:
            # Only one at a time writes to the conversation: if the end of another one has not come, it never will.
            known = [*self._queue.values(), *self._cut.values()]
            for stale in [speech for speech in known if speech.in_conversation and not speech.done]:
                self.done(stale.response_id, now=now)
        _remember(self._created, response_id, (encoding, in_conversation))
        self._done.pop(response_id, None)

    def speech(self, response_id: str, item_id: str, content_index: int, audio: bytes, *, now: float) -> None:
        """More speech of a response."""
        if (cut := self._cut.get(response_id)) is not None:
            cut.part(item_id, content_index)  # none of it is played
        elif response_id not in self._done or response_id in self._queue:
            speech = self._queue.get(response_id) or self._begin(response_id)
            speech.push(item_id, content_index, audio)
            self._feed(now)

    def part_over(self, response_id: str, *, now: float) -> None:
        """All speech of the open part of a response has come."""
        if (speech := self._queue.get(response_id)) is not None:
            speech.end_part()
            self._feed(now)

    def done(self, response_id: str, *, now: float) -> None:
        """A response is done: no more of it will come."""
        self._created.pop(response_id, None)
        if response_id:
            _remember(self._done, response_id, None)
        if (cut := self._cut.pop(response_id, None)) is not None:
            self._truncate(cut)
        elif (speech := self._queue.get(response_id)) is not None:
            speech.end_part()
            speech.done = True
            self._feed(now)

    # --- what is played

    def take(self, now: float) -> list[bytes]:
        """The frames that are due, in order."""
        frames: list[bytes] = []
        while taken := self._pacer.take(now):
            frames += taken
            for _ in taken:
                self._handed_out(self._paced.popleft())
            self._feed(now)
        return frames

    def cut(self, *, now: float) -> None:
        """Play nothing more of what has been said until now. With nothing that plays or waits, nothing happens."""
        if not self._queue:
            return
        if any(self._paced):  # else it is the silence behind speech
            self._pacer.clear()
            self._paced.clear()
        for speech in self._queue.values():
            speech.drop()
            self._step(speech, SpeechInput.CUT)
            if speech.done:
                self._truncate(speech)
            else:
                _remember(self._cut, speech.response_id, speech)
        self._queue.clear()
        self._feed(now)

    # --- inside

    def _begin(self, response_id: str) -> Speech:
        encoding, in_conversation = self._created.get(response_id, (None, True))
        speech = Speech(response_id, encoding or self.encoding, in_conversation=in_conversation)
        self._queue[response_id] = speech
        return speech

    def _handed_out(self, spoken: SpokenFrame | None) -> None:
        if spoken is None:
            return
        self._n_silent_left = TAIL_FRAMES
        speech = spoken.speech
        if speech.state is SpeechState.WAITING:
            self._step(speech, SpeechInput.FIRST_PLAYED)
        speech.played(spoken)

    def _feed(self, now: float) -> None:
        """End what is over; pace the speech whose turn it is, or silence behind the last of it."""
        for speech in list(self._queue.values()):
            if speech.over:
                del self._queue[speech.response_id]
                self._step(speech, SpeechInput.ALL_PLAYED)
                continue
            self._pace(speech.take_frames(), now)
            break
        if self._n_silent_left and not self._paced:
            n_frames = min(_SILENT_FRAMES, self._n_silent_left)
            self._n_silent_left -= n_frames
            self._pacer.push(silence(PCM, n_frames * PCM.bytes_for_ms(FRAME_MS)), now=now)
            self._paced.extend([None] * n_frames)

    def _pace(self, frames: Iterator[SpokenFrame], now: float) -> None:
        for spoken in frames:
            if self._paced and self._paced[-1] is None:  # speech goes on: the silence behind it is not needed
                self._pacer.clear()
                self._paced.clear()
            self._pacer.push(spoken.frame, now=now)
            self._paced.append(spoken)

    def _step(self, speech: Speech, happened: SpeechInput) -> None:
        following = step(SPEECH, speech.state, happened, report=self._report_illegal)
        if following is None:
            return
        speech.state = following
        if (occurrence := _OCCURRENCES.get(following)) is not None:
            self._occurrences.append(occurrence(speech.response_id))

    def _truncate(self, speech: Speech) -> None:
        for part in speech.cut_parts() if speech.in_conversation else ():
            self._occurrences.append(Truncated(part.item_id, part.content_index, part.played_ms))


def _remember(by_response: dict[str, Any], response_id: str, what: object) -> None:
    by_response[response_id] = what
    if len(by_response) > _REMEMBERED:
        del by_response[next(iter(by_response))]
