"""What the voice model hears: the user's turns in the input, and their words.

The words of an utterance are known when it is over. They are passed on in the order in which they were said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.protocol.live.server.commands import TranscribeUtterance
from duologue.protocol.live.server.defaults import LiveDefaults
from duologue.protocol.live.server.outgoing import LiveOutbox
from duologue.protocol.live.server.sound.input_track import HeardAudio
from duologue.protocol.server.account import MemoryAccount
from duologue.protocol.server.commands import Detect
from duologue.protocol.server.turn_detection import TurnEnded, TurnSettings, TurnStarted, VadTurns
from duologue.protocol.states import ReportIllegal

__all__ = ["HeardEvent", "Hearing", "Told", "Untranscribed", "UserSpeaks"]

_DETECTION_LAG_MS: Final = 2_000
"""Kept beyond an utterance, for a detector that is behind."""


class UserSpeaks(Struct, frozen=True):
    """The user begins to speak."""


class Untranscribed(Struct, frozen=True):
    """An utterance cannot be transcribed, because too many wait."""


class Told(Struct, frozen=True):
    """What the user said, and when. Empty if there were no words, or they are not known."""

    text: str
    start_ms: int
    end_ms: int


HeardEvent: TypeAlias = UserSpeaks | Untranscribed


class _Utterance(Struct):
    utterance_id: str
    start_ms: int
    end_ms: int
    n_bytes: int
    text: str | None = None


class Hearing:
    """The turns of one session's user."""

    def __init__(
        self,
        encoding: Encoding,
        out: LiveOutbox,
        account: MemoryAccount,
        limits: LiveDefaults,
        *,
        report_illegal: ReportIllegal,
    ) -> None:
        self._encoding = encoding
        self._out = out
        self._account = account
        self._limits = limits
        self._settings = TurnSettings(silence_duration_ms=limits.silence_duration_ms)
        self._turns = VadTurns(report_illegal=report_illegal)
        self._heard = HeardAudio(encoding, account, max_ms=limits.max_utterance_ms + _DETECTION_LAG_MS)
        self._began_ms = 0
        self._waiting: deque[_Utterance] = deque()
        self.last_end_ms: int = 0
        """When the user last finished to speak."""

    @property
    def speaking(self) -> bool:
        """Whether the user speaks, or has just stopped."""
        return self._turns.speaking

    @property
    def is_told(self) -> bool:
        """Whether the words of everything that was said are known."""
        return not self._waiting

    def hear(self, audio: bytes) -> None:
        """The next part of the input, as the model gets it."""
        if audio:
            self._heard.add(audio)
            self._out.command(Detect(audio, self._encoding))

    def detected(self, probabilities: Sequence[float], frame_ms: float) -> Iterator[HeardEvent]:
        """Speech probabilities of the next frames. Yields what they begin, or make impossible."""
        for turn in self._turns.push(probabilities, frame_ms, self._settings):
            if isinstance(turn, TurnStarted):
                self._began_ms = turn.audio_ms
                yield UserSpeaks()
            elif isinstance(turn, TurnEnded):
                yield from self._ended(round(turn.audio_ms), turn.audio_ms - self._settings.silence_duration_ms)
        now_ms = round(self._turns.audio_ms)
        if self._turns.speaking and now_ms - self._began_ms >= self._limits.max_utterance_ms:
            self._turns.reset()
            yield from self._ended(now_ms, now_ms)
        kept_from_ms = self._began_ms if self._turns.speaking else now_ms
        # A turn that has not lasted long enough yet began before this moment.
        self._heard.forget(
            min(kept_from_ms, now_ms - self._settings.silence_duration_ms) - self._settings.prefix_padding_ms
        )

    def transcribed(self, utterance_id: str, text: str) -> list[Told]:
        """The words of an utterance. Returns what can be passed on now, in order."""
        for utterance in self._waiting:
            if utterance.utterance_id == utterance_id and utterance.text is None:
                utterance.text = text
                self._account.change("audio", -utterance.n_bytes)
        told: list[Told] = []
        while self._waiting and (words := self._waiting[0].text) is not None:
            utterance = self._waiting.popleft()
            told.append(Told(words.strip(), utterance.start_ms, utterance.end_ms))
        return told

    def waits_for(self, utterance_id: str) -> bool:
        """Whether the words of this utterance are still to come."""
        return any(other.utterance_id == utterance_id and other.text is None for other in self._waiting)

    def release(self) -> None:
        """The session is over."""
        self._heard.release()
        self._account.change("audio", -sum(other.n_bytes for other in self._waiting if other.text is None))
        self._waiting.clear()

    def _ended(self, audio_end_ms: int, end_ms: int) -> Iterator[HeardEvent]:
        start_ms = self._began_ms
        self.last_end_ms = end_ms
        if len(self._waiting) >= self._limits.max_untranscribed:
            yield Untranscribed()
            return
        audio = self._heard.between(start_ms - self._settings.prefix_padding_ms, audio_end_ms)
        utterance = _Utterance(self._out.new_id("utt"), start_ms, max(end_ms, start_ms), len(audio))
        self._waiting.append(utterance)
        self._account.change("audio", len(audio))
        self._out.command(
            TranscribeUtterance(utterance_id=utterance.utterance_id, audio=audio, encoding=self._encoding)
        )
