"""A caller: says what the plan has, hears the answers, presses keys, hangs up. No clock: each 20 ms it is asked."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final

from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.audio.pacing import FRAME_MS, silence
from duologue.audio.speech_extent import SpeechExtent
from duologue.audio.wav import Sound
from duologue.telephony.carrier.call_plan import CallPlan, KeysAt
from duologue.telephony.carrier.call_report import SpokenReport

__all__ = ["PlannedCaller"]

_KEY_EVERY_S: Final = 0.25
"""Between two keys of one row: as fast as practised people press them."""

_MS: Final = 1000

_ROUNDING_MS: Final = 1e-3
"""Seconds are floats: a pause that is over is not to be missed by a rounded digit."""


class _Words(Struct):
    """What is said, in the encoding of the call."""

    audio: bytes
    loud_ms: int
    """Where its last loud sound ends."""
    interrupts_after_ms: int | None


class _Press(Struct, order=True):
    at_s: float
    key: str
    row: str
    """All keys of the row, with its last one."""


class PlannedCaller:
    """One caller. Times are seconds of the call.

    heard            the caller has heard something
    tick             20 ms of what the caller says; None: nothing
    take_keys        keys that are pressed by now
    hangs_up         why the caller hangs up now; empty: not yet
    """

    def __init__(self, plan: CallPlan, encoding: Encoding) -> None:
        """Raises MissingExtra where a clip has another rate than the call, and the `audio` extra is not installed."""
        self.spoken: list[SpokenReport] = []
        self.greeting_at_s: float | None = None
        self.hangs_up: str = ""
        self.answer_heard_ms: float = 0.0
        """How much was heard of the present answer."""
        self._plan = plan
        self._encoding = encoding
        self._frame_bytes = encoding.bytes_for_ms(FRAME_MS)
        self._to_say = deque(_words(each.sound, each.interrupts_after_ms, encoding) for each in plan.says)
        self._keys = deque(sorted(key for each in plan.keys for key in _presses(each)))
        self._saying = b""
        listens = plan.hears_greeting or not plan.says
        self._answer_from_s = 0.0 if listens else inf
        """Audio that came since then belongs to the answer."""
        self._waits_from_s: float | None = 0.0 if listens else None
        """Since when an answer is waited for; None: it is heard, or there will be none."""
        self._heard_until_s = -inf

    @property
    def is_speaking(self) -> bool:
        """Whether the caller says something just now."""
        return bool(self._saying)

    def heard(self, at_s: float, ms: float, *, arrived_s: float) -> bool:
        """The caller has heard `ms` from `at_s` on, which the carrier has had since `arrived_s`.

        Returns whether an answer begins with it.
        """
        self._heard_until_s = max(self._heard_until_s, at_s + ms / _MS)
        if self.is_speaking:
            self.spoken[-1].talked_over_ms += ms
        answered = self._answered_by(arrived_s)
        if answered is not None:
            answered.answer_heard_ms += ms
            if answered.answer_began_ms is None:
                answered.answer_began_ms = round(at_s * _MS, 3)
        if arrived_s < self._answer_from_s:
            return False
        if answered is None and self.greeting_at_s is None:
            self.greeting_at_s = at_s
        self._waits_from_s = None
        begins = not self.answer_heard_ms
        self.answer_heard_ms += ms
        return begins

    def _answered_by(self, arrived_s: float) -> SpokenReport | None:
        """What audio that came then answers: the last that had been said."""
        return next((each for each in reversed(self.spoken) if each.end_ms <= arrived_s * _MS + _ROUNDING_MS), None)

    def take_keys(self, at_s: float) -> str:
        """Keys that are pressed by now."""
        keys = ""
        while self._keys and self._keys[0].at_s <= at_s:
            key = self._keys.popleft()
            keys += key.key
            if key.row:
                self._waits_for_answer(at_s, at_s, keys=key.row)
        return keys

    def tick(self, at_s: float) -> bytes | None:
        """What the caller says in the 20 ms that end now."""
        if not self._saying and not self.hangs_up:
            self._go_on(at_s)
        if not self._saying:
            return None
        frame, self._saying = self._saying[: self._frame_bytes], self._saying[self._frame_bytes :]
        return frame + silence(self._encoding, self._frame_bytes - len(frame))

    def _go_on(self, at_s: float) -> None:
        plan = self._plan
        stays = plan.hang_up_after_s is not None
        if at_s >= (plan.hang_up_after_s if plan.hang_up_after_s is not None else plan.longest_s):
            self.hangs_up = "the caller hangs up"
        elif self._waits_from_s is not None:
            if not stays and not self._keys and at_s - self._waits_from_s >= plan.patience_s:
                self.hangs_up = f"nothing was heard for {plan.patience_s:g} s"
        elif self._to_say:
            if self._is_time_to_speak(at_s):
                self._speak(self._to_say.popleft(), at_s)
        elif not stays and not self._keys and self._has_heard_all(at_s):
            self.hangs_up = "the caller hangs up"

    def _is_time_to_speak(self, at_s: float) -> bool:
        if at_s * _MS < self._plan.begin_ms:
            return False
        after_ms = self._to_say[0].interrupts_after_ms
        return self._has_heard_all(at_s) or (after_ms is not None and self.answer_heard_ms >= after_ms)

    def _has_heard_all(self, at_s: float) -> bool:
        return (at_s - self._heard_until_s) * _MS >= self._plan.settle_ms - _ROUNDING_MS

    def _speak(self, words: _Words, at_s: float) -> None:
        begin_s = at_s - FRAME_MS / _MS
        self._saying = words.audio
        self._waits_for_answer(begin_s, begin_s + words.loud_ms / _MS)

    def _waits_for_answer(self, begin_s: float, end_s: float, *, keys: str = "") -> None:
        self._answer_from_s = self._waits_from_s = end_s
        self.answer_heard_ms = 0.0
        self.spoken.append(SpokenReport(begin_ms=round(begin_s * _MS, 3), end_ms=round(end_s * _MS, 3), keys=keys))


def _words(sound: Sound, interrupts_after_ms: int | None, encoding: Encoding) -> _Words:
    pcm16 = sound.at(encoding.rate_hz).pcm16
    loud_ms = SpeechExtent.of(pcm16, encoding.rate_hz).end_ms
    return _Words(encoding.from_pcm16(pcm16), min(loud_ms, sound.duration_ms), interrupts_after_ms)


def _presses(keys: KeysAt) -> list[_Press]:
    last = len(keys.keys) - 1
    return [
        _Press(keys.at_s + n * _KEY_EVERY_S, key, keys.keys if n == last else "") for n, key in enumerate(keys.keys)
    ]
