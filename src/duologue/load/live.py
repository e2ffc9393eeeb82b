"""How a caller listens in a Live session: one track of sound, in which an answer is what is no silence."""

from __future__ import annotations

from typing import Any, Final

from duologue.audio.formats import PCM
from duologue.audio.sounding import sounding_ms
from duologue.codec import decode_live
from duologue.errors import DecodeError
from duologue.events import is_set
from duologue.events.base64_text import decode_base64
from duologue.events.live import (
    LiveErrorEvent,
    LiveInputTranscriptDeltaEvent,
    LiveOutputAudioDeltaEvent,
    LiveSessionStartedEvent,
)
from duologue.load.caller import Caller, MeasuredTurn
from duologue.protocol.live.client.session_format import session_encodings

__all__ = ["LiveCaller"]

_OVER_S: Final = 1.0
"""Of silence: the answer is over. Its sentences follow each other more closely."""

_SILENT_S: Final = 0.3
"""Of silence, while the user talks: the model has stopped."""

_KEPT_BACK_S: Final = 0.1
"""What a player has in hand, one piece: a piece that comes later than that is heard as a gap."""

_MS: Final = 1000


class LiveCaller(Caller):
    """One call."""

    def __init__(self, *arguments: Any, dialect: str, start: bytes, **options: Any) -> None:
        """`start` is the frame that begins the session. The rest is as `Caller` has it."""
        super().__init__(*arguments, **options)
        self._dialect = dialect
        self._start = start
        self._output = PCM
        self._until = 0.0
        """When the track that has come is over."""
        self._sounded_until = 0.0
        """When the last sound of it is over."""
        self._words_at: tuple[MeasuredTurn, float] | None = None
        """The last words of the turn that came, and when."""

    def opened(self, now: float) -> None:
        """Begin the session: the server says nothing before."""
        super().opened(now)
        self.send(self._start)

    def is_audible(self, now: float) -> bool:
        """Whether the model is heard."""
        return now < self._sounded_until + _SILENT_S

    def next_turn(self, now: float) -> None:
        """The answer is over, or did not come."""
        self._tell_words()
        super().next_turn(now)

    def passed(self, now: float) -> None:
        """Time has passed: the model may have fallen silent."""
        turn = self.turn
        if turn is None:
            return
        if turn.interrupts and now > self._sounded_until + _SILENT_S:
            turn.interrupts = False
            if self.window.is_open:
                self.samples.barge_in.append(max(0.0, (self._sounded_until - turn.heard_from) * _MS))
        if turn.sounded_at is not None and not self.speaks_next and now > self._sounded_until + _OVER_S:
            self.next_turn(now)

    def message(self, message: bytes, now: float) -> None:
        """Take a message of the server."""
        try:
            event = decode_live(message, dialect=self._dialect)
        except DecodeError:
            self.count_error("a message is no JSON object")
            return
        match event:
            case LiveOutputAudioDeltaEvent(delta=delta):
                self._track(delta, now)
            case LiveInputTranscriptDeltaEvent():
                if self.turn is not None and now >= self.turn.heard_from:
                    self._words_at = self.turn, now
            case LiveErrorEvent(error=error):
                self.count_error(str(error.code) if is_set(error.code) else "error")
            case LiveSessionStartedEvent(session=session):
                self._output = session_encodings(session, (PCM, PCM))[1]
                self.ready(now)
            case _:
                pass  # it repeats what others say

    def _track(self, delta: str, now: float) -> None:
        try:
            audio = decode_base64(delta)
        except ValueError:
            self.count_error("audio is no base64")
            return
        is_late = now > self._until + _KEPT_BACK_S
        begin = now if is_late else self._until
        self._until = begin + len(audio) / self._output.bytes_per_s
        first_ms, last_ms = sounding_ms(audio, self._output)
        if not last_ms:
            return
        turn = self.turn
        if is_late and self._sounded_until > begin - _SILENT_S and self.window.is_open:
            self.samples.underrun.append((now - self._sounded_until) * _MS)
        sounds_at = max(now, begin + first_ms / _MS)
        # What goes on from before is not the answer, and neither is an acknowledgement while the user speaks.
        if turn is not None and now >= turn.ended_at and not turn.interrupts:
            self.sounds(sounds_at)
        self._sounded_until = begin + last_ms / _MS

    def _tell_words(self) -> None:
        if self._words_at is not None and self._words_at[0].counts:
            turn, at = self._words_at
            self.samples.transcript.append((at - turn.ended_at) * _MS)
        self._words_at = None
