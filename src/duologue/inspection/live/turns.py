"""The turns of a Live session, which has none: what the user says, up to the model's answer, and the answer.

The words of both come with their places in the session's time, some of them late. So what the model has begun is given
to a later turn when it turns out that the user had spoken before.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from duologue.inspection.input_clock import InputClock
from duologue.inspection.live.sound import SoundLane, SoundStretch
from duologue.inspection.rows import Rows, shortened
from duologue.inspection.view import CallInterruption, CallTurn, CallView
from duologue.protocol.live.client.utterances import ACKNOWLEDGEMENTS

__all__ = ["SpokenTurns"]

_FASTER: Final = "its audio was sent faster than it was spoken"
_NOT_THERE: Final = "the audio of its end is not in the recording"

_MS: Final = 1000


class _Answer(Struct):
    """Words of the model that belong together."""

    utterance_id: int
    began_s: float
    text: str = ""


class _Cut(Struct):
    """The user spoke while the model was heard."""

    stretch: SoundStretch
    turn: CallTurn
    """Of the user."""
    at_s: float


class SpokenTurns:
    """Makes the turns of a view, and its interruptions."""

    def __init__(self, view: CallView, rows: Rows, sound: SoundLane) -> None:
        self._view = view
        self._rows = rows
        self._sound = sound
        self._turn: CallTurn | None = None
        self._utterance_id = 0
        """Of the user, in the turn."""
        self._begin_ms = 0
        self._answers: list[_Answer] = []
        """Of the turn."""
        self._before: tuple[CallTurn, list[_Answer]] | None = None
        """The turn before, and its answers."""
        self._cut: _Cut | None = None

    @property
    def number(self) -> int:
        """Of the turn."""
        return self._turn.number if self._turn is not None else 0

    def user_words(
        self, utterance_id: int, text: str, start_ms: int, end_ms: int, at_s: float, clock: InputClock
    ) -> None:
        """Words of the user came."""
        spoken_s = clock.spoken_at_s(start_ms)
        begin_s = at_s if spoken_s is None else spoken_s
        turn = self._turn
        if turn is None or (utterance_id != self._utterance_id and self._is_answered(turn, begin_s)):
            turn, self._begin_ms = self._begin_speech(begin_s), start_ms
        elif turn.kind == "unasked":  # the words are late: it was asked
            turn.kind, turn.speech_started_s, self._begin_ms = "speech", begin_s, start_ms
        elif utterance_id == self._utterance_id and self._is_answered(turn, begin_s) and not self._sounds_at(begin_s):
            # The user goes on, so what was heard was no answer, but an acknowledgement.
            turn.first_text_s = turn.first_audio_s = turn.first_heard_s = None
        self._utterance_id = utterance_id
        turn.user_text = shortened(f"{turn.user_text or ''}{text}".lstrip())
        turn.user_text_s = at_s
        self._end_at(turn, end_ms, clock)
        self._rows.touch(turn)
        self._interrupt()

    def model_words(self, utterance_id: int, text: str, at_s: float) -> None:
        """Words of the model came; they come before their sound."""
        turn, answers = self._turn or self._begin(CallTurn(number=0, kind="unasked")), self._answers
        if self._cut is not None and not self._cut.stretch.is_over and self._before is not None:
            turn, answers = self._before  # it is still saying what the user has interrupted
        if not answers or answers[-1].utterance_id != utterance_id:
            answers.append(_Answer(utterance_id, at_s))
        answers[-1].text = shortened(answers[-1].text + text)
        self._tell_text(turn, answers)

    def sounded(self, stretch: SoundStretch) -> None:
        """A stretch of the model's sound has begun, or is over."""
        if stretch.is_over:
            if 0 < stretch.turn <= len(self._view.turns):
                turn = self._view.turns[stretch.turn - 1]
                turn.done_s = stretch.end_s
                self._rows.touch(turn)
            self._interrupt()
            return
        turn = self._turn or self._begin(CallTurn(number=0, kind="unasked"))
        self._give(stretch, turn)

    # --- what a turn is

    def _is_answered(self, turn: CallTurn, at_s: float) -> bool:
        """Whether the answer was heard before this time."""
        return turn.first_heard_s is not None and at_s >= turn.first_heard_s

    def _sounds_at(self, at_s: float) -> bool:
        return any(stretch.sounds_at(at_s) for stretch in self._sound.recent)

    def _begin(self, turn: CallTurn) -> CallTurn:
        turn.number = len(self._view.turns) + 1
        self._turn = self._rows.add("turns", turn)
        return turn

    def _begin_speech(self, begin_s: float) -> CallTurn:
        """A turn of the user, with what the model has begun since then."""
        before, answers = self._turn, self._answers
        turn = self._begin(CallTurn(number=0, kind="speech", speech_started_s=begin_s))
        self._answers = [each for each in answers if each.began_s > begin_s]
        if before is not None:
            self._before = before, [each for each in answers if each.began_s <= begin_s]
            self._tell_text(*self._before)
        self._tell_text(turn, self._answers)
        for stretch in self._sound.recent:
            if stretch.begin_s > begin_s:
                self._give(stretch, turn)
            elif stretch.sounds_at(begin_s):
                self._cut = _Cut(stretch, turn, begin_s)
        return turn

    def _give(self, stretch: SoundStretch, turn: CallTurn) -> None:
        stretch.turn = turn.number
        if turn.first_audio_s is None:
            turn.first_audio_s, turn.first_heard_s = stretch.row.first_arrived_s, stretch.row.first_heard_s
        if stretch.is_over:
            turn.done_s = stretch.end_s
        self._rows.touch(turn)

    def _tell_text(self, turn: CallTurn, answers: list[_Answer]) -> None:
        turn.answer_text = _joined(answers)
        if turn.first_text_s is None and answers:
            turn.first_text_s = answers[-1].began_s
        self._rows.touch(turn)

    def _end_at(self, turn: CallTurn, end_ms: int, clock: InputClock) -> None:
        turn.end_from = "transcript"
        spoken_s = clock.spoken_at_s(end_ms)
        if spoken_s is None:
            turn.withheld, turn.end_of_speech_s = _NOT_THERE, None
        elif not clock.is_paced(self._begin_ms, end_ms):
            turn.withheld, turn.end_of_speech_s = _FASTER, None
        else:
            turn.withheld, turn.end_of_speech_s = None, spoken_s

    # --- interruptions

    def _interrupt(self) -> None:
        """Tell the interruption, as soon as the model is silent and the user has said more than that he listens."""
        cut = self._cut
        if cut is None or not cut.stretch.is_over or _is_acknowledgement(cut.turn.user_text or ""):
            return
        self._cut = None
        row = cut.stretch.row
        row.cut_by = "silence"
        self._rows.touch(row)
        self._rows.add(
            "interruptions",
            CallInterruption(
                at_s=cut.at_s,
                turn=cut.stretch.turn,
                item_id=row.item_id,
                content_index=0,
                heard_ms=row.heard_ms,
                arrived_ms=row.arrived_ms,
                cut_by="silence",
                silent_s=cut.stretch.end_s,
            ),
        )
        if 0 < cut.stretch.turn <= len(self._view.turns):
            answered = self._view.turns[cut.stretch.turn - 1]
            answered.is_interrupted = True
            self._rows.touch(answered)


def _joined(answers: list[_Answer]) -> str | None:
    return shortened(" ".join(filter(None, (each.text.strip() for each in answers)))) or None


def _is_acknowledgement(text: str) -> bool:
    return " ".join(text.lower().replace("-", " ").split()).strip(".,!? ") in ACKNOWLEDGEMENTS
