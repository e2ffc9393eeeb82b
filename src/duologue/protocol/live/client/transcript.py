"""The transcript of a Live session as utterances.

The server sends pieces of both speakers' words, which interleave, and never says that one is complete. How to group
them is the application's choice; these are the constants of the grouper that the official JavaScript package ships.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from msgspec import Struct, field

from duologue.events.live import LiveInitialMessage, LiveInitialPart
from duologue.protocol.live.client.notices import Speaker, TranscriptDelta, Utterance, UtteranceEnd, UtteranceEnded

__all__ = [
    "ASSISTANT_SILENCE_MS",
    "BACKCHANNEL_MS",
    "ISOLATION_MS",
    "MAX_CHARACTERS",
    "MAX_UTTERANCES",
    "SEPARATION_MS",
    "LiveTranscript",
    "TranscriptGrouper",
]

SEPARATION_MS: Final = 500
"""A pause of the user that is longer begins another utterance."""

ASSISTANT_SILENCE_MS: Final = 2000
"""So does one of the assistant, whose text comes in bursts."""

BACKCHANNEL_MS: Final = 1000
"""Words of the user inside the assistant's speech that last no longer, such as "mhm", do not take the turn …"""

ISOLATION_MS: Final = 2000
"""… if the user says nothing for so long before and after."""

MAX_CHARACTERS: Final = 20_000
"""Of one utterance, twenty minutes of talk without a pause; what follows is another one."""

MAX_UTTERANCES: Final = 4096
"""That are kept, more than the two hours of a session bring; the oldest are dropped."""

_MAX_INPUT: Final = 128
"""Earlier messages that a start may name."""

_PAUSES: Final[dict[Speaker, int]] = {"user": SEPARATION_MS, "assistant": ASSISTANT_SILENCE_MS}

_PARTS: Final[dict[Speaker, str]] = {"user": "input_text", "assistant": "output_text"}

_OTHER: Final[dict[Speaker, Speaker]] = {"user": "assistant", "assistant": "user"}


class LiveTranscript(tuple[Utterance, ...]):
    """What was said, in the order in which it began. `str` is one line for each utterance, `SPEAKER: TEXT`."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(f"{utterance.speaker}: {utterance.text}" for utterance in self)

    def as_input(self) -> list[LiveInitialMessage]:
        """The last 128 utterances as earlier messages: the `input` with which another session goes on."""
        return [
            LiveInitialMessage(role=each.speaker, content=[LiveInitialPart(type=_PARTS[each.speaker], text=each.text)])
            for each in self[-_MAX_INPUT:]
        ]


class _Open(Struct):
    utterance_id: int
    speaker: Speaker
    start_ms: int
    end_ms: int
    inside: bool
    """Whether it began while the other one spoke."""
    alone_before: bool
    """Whether the speaker had said nothing for `ISOLATION_MS`."""
    pieces: list[str] = field(default_factory=list)
    n_characters: int = 0

    @property
    def is_short(self) -> bool:
        """Whether it may still be a word that does not take the turn."""
        lasts_ms = self.end_ms - self.start_ms
        return self.speaker == "user" and self.inside and self.alone_before and lasts_ms <= BACKCHANNEL_MS

    def close(self) -> Utterance:
        return Utterance(
            utterance_id=self.utterance_id,
            speaker=self.speaker,
            text="".join(self.pieces).strip(),
            start_ms=self.start_ms,
            end_ms=self.end_ms,
            backchannel=self.is_short,
        )


class TranscriptGrouper:
    """Groups pieces into utterances. Times are milliseconds of the session."""

    def __init__(self) -> None:
        self._open: dict[Speaker, _Open] = {}
        self._ended_ms: dict[Speaker, int] = {}
        self._kept: deque[Utterance] = deque(maxlen=MAX_UTTERANCES)
        self._next_id = 1

    @property
    def utterances(self) -> LiveTranscript:
        """The utterances so far, those that go on too; a snapshot."""
        going_on = (mine.close() for mine in self._open.values())
        found = [*self._kept, *(utterance for utterance in going_on if utterance.text)]
        return LiveTranscript(sorted(found, key=lambda utterance: utterance.utterance_id))

    def add(self, speaker: Speaker, delta: str, start_ms: int, end_ms: int) -> list[TranscriptDelta | UtteranceEnded]:
        """The next piece of a speaker: the utterances that end before it, and the piece with its utterance."""
        notices: list[TranscriptDelta | UtteranceEnded] = []
        mine = self._open.get(speaker)
        if mine is not None and start_ms < mine.start_ms:
            notices += self._end(speaker, "timestamp_reset")
        elif mine is not None and start_ms - mine.end_ms > self._pause_ms(mine):
            notices += self._end(speaker, "inactivity")
        elif mine is not None and mine.n_characters + len(delta) > MAX_CHARACTERS:
            notices += self._end(speaker, "length")
        notices += self._end_inactive(start_ms)
        current = self._open.get(speaker) or self._begin(speaker, start_ms)
        current.pieces.append(delta)
        current.n_characters += len(delta)
        current.end_ms = max(current.end_ms, end_ms)
        other = self._open.get(_OTHER[speaker])
        if other is not None and other.start_ms <= current.start_ms and not current.is_short:
            notices += self._end(other.speaker, "speaker_change")
        notices.append(
            TranscriptDelta(
                speaker=speaker,
                utterance_id=current.utterance_id,
                delta=delta,
                start_ms=start_ms,
                end_ms=end_ms,
            )
        )
        return notices

    def advance(self, position_ms: int) -> list[TranscriptDelta | UtteranceEnded]:
        """The session's time has come to here: utterances with a long pause behind them end."""
        return self._end_inactive(position_ms)

    def end(self) -> list[TranscriptDelta | UtteranceEnded]:
        """The session is over."""
        return [notice for mine in [*self._open.values()] for notice in self._end(mine.speaker, "session_closed")]

    def _begin(self, speaker: Speaker, start_ms: int) -> _Open:
        ended_ms = self._ended_ms.get(speaker)
        opened = self._open[speaker] = _Open(
            utterance_id=self._next_id,
            speaker=speaker,
            start_ms=start_ms,
            end_ms=start_ms,
            inside=_OTHER[speaker] in self._open,
            alone_before=ended_ms is None or start_ms - ended_ms >= ISOLATION_MS,
        )
        self._next_id += 1
        return opened

    @staticmethod
    def _pause_ms(mine: _Open) -> int:
        # Whether a short word stays alone is known only after a longer pause.
        return ISOLATION_MS if mine.is_short else _PAUSES[mine.speaker]

    def _end_inactive(self, position_ms: int) -> list[TranscriptDelta | UtteranceEnded]:
        silent = [mine for mine in self._open.values() if position_ms - mine.end_ms > self._pause_ms(mine)]
        return [notice for mine in silent for notice in self._end(mine.speaker, "inactivity")]

    def _end(self, speaker: Speaker, reason: UtteranceEnd) -> list[TranscriptDelta | UtteranceEnded]:
        ended = self._open.pop(speaker, None)
        if ended is None:
            return []
        self._ended_ms[speaker] = ended.end_ms
        utterance = ended.close()
        if not utterance.text:
            return []
        self._kept.append(utterance)
        return [UtteranceEnded(utterance, reason)]
