"""Which pieces of a Live session's transcript belong together.

The server never says that an utterance is complete: how to group its pieces is the application's choice. These are
the rules, the constants and the words of the `TranscriptGrouper` that the official JavaScript package ships
(https://github.com/openai/openai-node, `openai/helpers/live`). It keeps back what the assistant says while the user
speaks, and drops it if it was only an acknowledgement; here every piece is reported at once, and an acknowledgement is
an utterance that is marked as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from string import whitespace
from typing import Final, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from duologue.protocol.live.client.notices import Speaker, TranscriptDelta, Utterance, UtteranceEnd, UtteranceEnded

__all__ = [
    "ACKNOWLEDGEMENTS",
    "ASSISTANT_SILENCE_MS",
    "BACKCHANNEL_MS",
    "ISOLATION_MS",
    "MAX_CHARACTERS",
    "SEPARATION_MS",
    "Grouped",
    "OpenUtterances",
    "SpokenPiece",
]

SEPARATION_MS: Final = 500
"""Words of the assistant that begin sooner after the user's last ones do not take the turn yet: the user may go on."""

ASSISTANT_SILENCE_MS: Final = 2000
"""An utterance of the assistant ends after so long without another piece. One of the user ends by the answer only."""

BACKCHANNEL_MS: Final = 1000
"""An acknowledgement by the assistant that is shorter does not take the turn …"""

ISOLATION_MS: Final = 2000
"""… if the assistant says nothing for so long before and after it."""

ACKNOWLEDGEMENTS: Final = frozenset(
    [*"aha alright gotcha hm hmm mhm mm okay ok right sure yeah yep yes".split(), "mm hmm", "uh huh"]
)
"""What may be an acknowledgement; `_plain` writes words so."""

MAX_CHARACTERS: Final = 20_000
"""Of one utterance, twenty minutes of talk without a pause; what follows is another one."""

_PUNCTUATION: Final = ".,!?;:\"'()[]{}"

Grouped: TypeAlias = TranscriptDelta | UtteranceEnded


class SpokenPiece(Struct, frozen=True):
    """Words of one speaker."""

    speaker: Speaker
    text: str
    start_ms: int
    end_ms: int


class _Open(Struct):
    utterance_id: int
    speaker: Speaker
    start_ms: int
    end_ms: int
    pieces: list[str] = field(default_factory=list)
    n_characters: int = 0
    may_acknowledge: bool = True
    """Whether its words may be an acknowledgement, or the beginning of one."""

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def utterance(self) -> Utterance:
        return Utterance(
            utterance_id=self.utterance_id,
            speaker=self.speaker,
            text=self.text.strip(),
            start_ms=self.start_ms,
            end_ms=self.end_ms,
        )

    def has_room(self, piece: SpokenPiece) -> bool:
        return self.n_characters + len(piece.text) <= MAX_CHARACTERS

    def take(self, piece: SpokenPiece) -> list[Grouped]:
        self.pieces.append(piece.text)
        self.n_characters += len(piece.text)
        self.end_ms = max(self.end_ms, piece.end_ms)
        return [
            TranscriptDelta(
                speaker=self.speaker,
                utterance_id=self.utterance_id,
                delta=piece.text,
                start_ms=piece.start_ms,
                end_ms=piece.end_ms,
            )
        ]

    def ended(self, reason: UtteranceEnd, *, backchannel: bool = False) -> list[Grouped]:
        utterance = replace(self.utterance, backchannel=backchannel)
        return [UtteranceEnded(utterance, reason)] if utterance.text else []


class OpenUtterances:
    """The utterance of the speaker whose turn it is, and what the assistant says in a turn of the user.

    Times are milliseconds of the session.
    """

    def __init__(self) -> None:
        self._turn: _Open | None = None
        self._aside: _Open | None = None
        """Of the assistant, in the user's turn: an acknowledgement, or an answer that comes early."""
        self._assistant_ended_ms = -inf
        self._next_id = 1

    @property
    def speaker(self) -> Speaker | None:
        """Whose turn it is."""
        return self._turn.speaker if self._turn is not None else None

    @property
    def going_on(self) -> list[Utterance]:
        """The utterances that have begun and not ended; a snapshot."""
        begun = [each.utterance for each in (self._turn, self._aside) if each is not None]
        return [utterance for utterance in begun if utterance.text]

    @property
    def deadline_ms(self) -> float:
        """When `advance` changes something, if no words come before."""
        turn, aside = self._turn, self._aside
        if turn is None:
            return inf
        if aside is None:
            return turn.end_ms + ASSISTANT_SILENCE_MS if turn.speaker == "assistant" else inf
        separated_ms = turn.end_ms + SEPARATION_MS
        if not self._may_be_alone(turn, aside) or self._goes_on(turn, aside):
            return separated_ms
        return max(separated_ms, aside.end_ms + ISOLATION_MS)

    def add(self, pieces: Sequence[SpokenPiece]) -> list[Grouped]:
        """Words of one interval; where both spoke, the one whose turn it is comes first."""
        first_speaker = self.speaker or "user"
        ordered = sorted(pieces, key=lambda piece: piece.speaker != first_speaker)
        start_ms = ordered[0].start_ms
        speakers = {piece.speaker for piece in ordered}
        notices: list[Grouped] = []
        while (deadline_ms := self.deadline_ms) < start_ms:
            notices += self.advance(deadline_ms)
        if self.speaker not in speakers:
            notices += self.advance(start_ms, user_speaks="user" in speakers)
        for piece in ordered:
            notices += self._take(piece)
        return notices

    def advance(self, time_ms: float, *, user_speaks: bool = False) -> list[Grouped]:
        """Nothing more was said until now; words of the user are about to be added if `user_speaks`."""
        turn = self._turn
        if turn is None or time_ms < self.deadline_ms:
            return []
        if self._aside is None:
            return [] if user_speaks else self._end_turn("inactivity")
        if self._is_acknowledgement(turn, self._aside, time_ms):
            return self._end_aside("inactivity")
        return self._begin_turn(self._aside)

    def close(self, time_ms: float, reason: UtteranceEnd) -> list[Grouped]:
        """Nothing more will be said, or the times begin anew."""
        turn, aside = self._turn, self._aside
        notices: list[Grouped] = []
        if turn is not None and aside is not None and self._is_acknowledgement(turn, aside, time_ms):
            notices += self._end_aside(reason)
            aside = None
        notices += self._end_turn(reason)
        if aside is not None:
            self._begin_turn(aside)
            notices += self._end_turn(reason)
        if reason == "timestamp_reset":
            self._assistant_ended_ms = -inf
        return notices

    # --- one piece

    def _take(self, piece: SpokenPiece) -> list[Grouped]:
        turn = self._turn
        if turn is None:
            self._turn = self._opened(piece)
            return self._turn.take(piece)
        if piece.speaker == turn.speaker and turn.has_room(piece):
            return turn.take(piece)
        if piece.speaker == turn.speaker:
            notices = self._end_turn("length")
            self._turn = self._opened(piece)
            return notices + self._turn.take(piece)
        if turn.speaker == "assistant":
            begun = self._opened(piece)
            return self._begin_turn(begun) + begun.take(piece)
        return self._take_aside(turn, piece)

    def _take_aside(self, turn: _Open, piece: SpokenPiece) -> list[Grouped]:
        """Words of the assistant in a turn of the user."""
        notices: list[Grouped] = []
        if self._aside is not None and self._goes_on(turn, self._aside):
            notices += self._end_aside("speaker_change")
        aside = self._aside
        began_ms = aside.start_ms if aside is not None else piece.start_ms
        is_short = piece.end_ms - began_ms < BACKCHANNEL_MS
        words = _plain((aside.text if aside is not None else "") + piece.text) if is_short else ""
        if piece.start_ms - turn.end_ms < SEPARATION_MS:
            may_acknowledge = bool(words) and any(known.startswith(words) for known in ACKNOWLEDGEMENTS)
        elif words in ACKNOWLEDGEMENTS:
            may_acknowledge = aside is not None
        else:
            if aside is not None and self._is_acknowledgement(turn, aside, piece.start_ms):
                notices += self._end_aside("speaker_change")
                aside = None
            begun = aside if aside is not None else self._opened(piece)
            return notices + self._begin_turn(begun) + begun.take(piece)
        if aside is not None and not aside.has_room(piece):
            notices += self._begin_turn(aside)
            return notices + self._take(piece)
        if aside is None:
            aside = self._aside = self._opened(piece)
        aside.may_acknowledge = may_acknowledge
        return notices + aside.take(piece)

    def _opened(self, piece: SpokenPiece) -> _Open:
        self._next_id += 1
        return _Open(self._next_id - 1, piece.speaker, piece.start_ms, piece.end_ms)

    # --- what ends

    def _begin_turn(self, opened: _Open) -> list[Grouped]:
        notices = self._end_turn("speaker_change")
        self._turn, self._aside = opened, None
        return notices

    def _end_turn(self, reason: UtteranceEnd) -> list[Grouped]:
        turn, self._turn = self._turn, None
        if turn is None:
            return []
        if turn.speaker == "assistant":
            self._assistant_ended_ms = turn.end_ms
        return turn.ended(reason)

    def _end_aside(self, reason: UtteranceEnd) -> list[Grouped]:
        aside, self._aside = self._aside, None
        return aside.ended(reason, backchannel=True) if aside is not None else []

    # --- what may be an acknowledgement

    @staticmethod
    def _may_acknowledge(aside: _Open) -> bool:
        return aside.may_acknowledge and aside.end_ms - aside.start_ms < BACKCHANNEL_MS

    def _is_acknowledgement(self, turn: _Open, aside: _Open, time_ms: float) -> bool:
        """Whether it has turned out to be one by this time."""
        alone = self._may_be_alone(turn, aside) and time_ms >= aside.end_ms + ISOLATION_MS
        return alone or self._goes_on(turn, aside)

    def _goes_on(self, turn: _Open, aside: _Open) -> bool:
        """Whether the user speaks on behind an acknowledgement."""
        return self._may_acknowledge(aside) and turn.end_ms > aside.end_ms

    def _may_be_alone(self, turn: _Open, aside: _Open) -> bool:
        """Whether it is an acknowledgement unless the assistant soon says more; one that spoke just before does."""
        spoke_before = aside.start_ms - self._assistant_ended_ms < ISOLATION_MS and aside.start_ms <= turn.start_ms
        return self._may_acknowledge(aside) and not spoke_before


def _plain(text: str) -> str:
    """In small letters, without punctuation around it, one space between words."""
    return " ".join(text.lower().replace("-", " ").strip(_PUNCTUATION + whitespace).split())
