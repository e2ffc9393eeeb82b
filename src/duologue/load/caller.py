"""One call: an open microphone that says what is planned, and waits for answers. Each family adds how it listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from math import inf
from typing import Final, Protocol

from msgspec import Struct

from duologue.load.plan import PlannedTurn
from duologue.load.samples import LevelSamples
from duologue.load.voice import CallerVoice, SpokenClip
from duologue.load.wire import LoadSocket, SocketPlace

__all__ = ["CallTape", "Caller", "MeasuredTurn", "Window"]

_CATCH_UP: Final = 100
"""Pieces that are sent at once after a standstill, 2 s of 20 ms: the rest follows when others had their turn."""

_MAX_UNSENT_BYTES: Final = 4 * 1024 * 1024
"""A minute of speech that the server does not read: such a call is over."""

_LONGEST_ANSWER_S: Final = 120.0
"""What goes on longer is no answer to a question of three seconds."""

_MAX_CODES: Final = 50
"""Of errors that are counted apart: a server may make up any number."""
_MAX_CODE_CHARACTERS: Final = 80

_MS: Final = 1000


class Window:
    """The time in which a level is measured, for all its calls."""

    def __init__(self) -> None:
        self.samples: LevelSamples = LevelSamples()
        self.is_open = False
        self.opened_at = inf
        self.closed_at = inf

    def shared_s(self, begin: float, end: float) -> float:
        """How much of a stretch of time lies in the window."""
        return max(0.0, min(end, self.closed_at) - max(begin, self.opened_at))


class CallTape(Protocol):
    """Keeps what passes."""

    def sent(self, message: bytes, now: float) -> None: ...
    def received(self, message: bytes, now: float) -> None: ...
    def ended(self, code: int, now: float, *, by_client: bool) -> None: ...


class MeasuredTurn(Struct):
    """A turn of the caller. Times are those of the loop."""

    planned: PlannedTurn
    heard_from: float
    """When its first sample was spoken."""
    appended_at: float
    """When the piece was due that holds it."""
    interrupts: bool
    """Whether the model was heard then."""
    ended_at: float = inf
    """When its last speech was spoken."""
    counts: bool = False
    """Whether that was in the window."""
    is_heard: bool = False
    item_id: str | None = None
    sounded_at: float | None = None
    """When the first sound of the answer came."""


class Caller:
    """The microphone and the turns of one call."""

    def __init__(
        self,
        place: SocketPlace,
        voice: CallerVoice,
        turns: Iterator[PlannedTurn],
        window: Window,
        *,
        phase: float,
        answer_within_s: float,
        changed: Callable[[Caller], None],
        tape: CallTape | None = None,
    ) -> None:
        """`phase` is where between the pieces of others its own are sent, from 0 to 1. `changed` is called when
        it is ready, and when it is over."""
        self._loop = asyncio.get_running_loop()
        self.window = window
        self._voice = voice
        self._step_s = voice.frame_ms / _MS
        self._turns = turns
        self._phase = phase
        self.answer_within_s = answer_within_s
        self._changed = changed
        self._tape = tape
        self.socket: LoadSocket = LoadSocket(place, self)
        self.began_at: float = self._loop.time()
        self.ready_at: float | None = None
        self.turn: MeasuredTurn | None = None
        """The turn that is spoken, or whose answer is waited for or heard."""
        self._planned: PlannedTurn | None = None
        self._speaks_at = inf
        self._utterance: SpokenClip | None = None
        self._next_frame = 0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_stopping = False
        self.is_over: bool = False
        """Whether the call has ended."""
        self.is_done: bool = False
        """Whether it has had all its turns."""
        self.worst_ms: float = 0.0
        """The longest wait for an answer; infinity if one did not come."""

    # --- from the level

    def stop(self) -> None:
        """Begin no further turn, and hang up when the answer that is waited for has begun."""
        self._is_stopping = True
        turn = self.turn
        if turn is None or not turn.counts or turn.sounded_at is not None:
            self.hang_up()

    def hang_up(self) -> None:
        """End the call."""
        self.socket.close()
        self._end(by_client=True)

    # --- for the family

    @property
    def samples(self) -> LevelSamples:
        """Where the measurements go."""
        return self.window.samples

    def send(self, frame: bytes) -> None:
        """Send a frame that is no audio."""
        self._write(frame)

    def ready(self, now: float) -> None:
        """The session can be used: the microphone is open from now on."""
        if self.ready_at is not None:
            return
        self.ready_at = now
        self.samples.ready.append((now - self.began_at) * _MS)
        self._due = now + self._step_s * (1 + self._phase)
        self._timer = self._loop.call_at(self._due, self._tick)
        self._changed(self)
        self.next_turn(now)

    @property
    def speaks_next(self) -> bool:
        """Whether the next turn is due at a time that is known: it interrupts the answer."""
        return self._speaks_at < inf

    def next_turn(self, now: float) -> None:
        """The answer is over, or did not come: the next turn follows."""
        self.turn = None
        if self._is_stopping:
            self.hang_up()
            return
        if self._planned is None:
            self._planned = next(self._turns, None)
        if self._planned is None:
            self.is_done = True
            self.hang_up()
        else:
            self._speaks_at = now + self._planned.think_s

    def sounds(self, now: float) -> None:
        """The answer is heard for the first time."""
        turn = self.turn
        if turn is None or turn.sounded_at is not None:
            return
        turn.sounded_at = now
        waited_ms = (now - turn.ended_at) * _MS
        self.worst_ms = max(self.worst_ms, waited_ms)
        if turn.counts:
            self.samples.answers += 1
            self.samples.first_audio.append(waited_ms)
        if self._is_stopping:
            self.hang_up()
        elif turn.planned.cuts_in_s is not None:
            self._planned = next(self._turns, None)
            if self._planned is not None:
                self._speaks_at = now + turn.planned.cuts_in_s

    def heard(self, now: float) -> None:
        """The server has heard the user begin."""
        turn = self.turn
        if turn is not None and not turn.is_heard:
            turn.is_heard = True
            if self.window.is_open:
                self.samples.speech_heard.append((now - turn.appended_at) * _MS)

    def count_error(self, code: str) -> None:
        """The server has reported an error."""
        errors, code = self.samples.errors, code[:_MAX_CODE_CHARACTERS]
        if code not in errors and len(errors) >= _MAX_CODES:
            code = "(others)"
        errors[code] = errors.get(code, 0) + 1

    def is_audible(self, now: float) -> bool:
        """Whether the model is heard."""
        raise NotImplementedError

    def message(self, message: bytes, now: float) -> None:
        """Take a message of the server."""
        raise NotImplementedError

    def passed(self, now: float) -> None:
        """Time has passed: an answer may be over."""
        raise NotImplementedError

    # --- the microphone

    def _tick(self) -> None:
        now = self._loop.time()
        samples, count = self.samples, 0
        while self._due <= now and count < _CATCH_UP and not self.is_over:
            if self.window.is_open:
                samples.was_late((now - self._due) * _MS)
            self._write(self._frame())
            self._due += self._step_s
            count += 1
        if self.is_over:
            return
        if self.socket.unsent_bytes > _MAX_UNSENT_BYTES:
            self.count_error("the server does not read")
            self.socket.abort()
            return
        self._timer = self._loop.call_at(self._due, self._tick)
        self._look(now)

    def _frame(self) -> bytes:
        """The piece that is due."""
        if self._utterance is None:
            if self._due < self._speaks_at or self._planned is None:
                return self._voice.silence
            self._begin()
        utterance = self._utterance
        assert utterance is not None
        frame = utterance.frames[self._next_frame]
        self._next_frame += 1
        if self._next_frame == len(utterance.frames):
            self._utterance = None
            if self.turn is not None:
                self._spoken(self.turn, utterance)
        return frame

    def _begin(self) -> None:
        planned, self._planned, self._speaks_at = self._planned, None, inf
        assert planned is not None
        begin = self._due - self._step_s
        self._utterance, self._next_frame = self._voice.utterances[planned.utterance], 0
        self.turn = MeasuredTurn(planned, begin, self._due, self.is_audible(begin))

    def _spoken(self, turn: MeasuredTurn, utterance: SpokenClip) -> None:
        turn.ended_at = turn.heard_from + utterance.speech_ms / _MS
        turn.counts = self.window.is_open
        if turn.counts:
            self.samples.turns += 1

    def _look(self, now: float) -> None:
        turn = self.turn
        if turn is not None and turn.sounded_at is None and now > turn.ended_at + self.answer_within_s:
            self._lose(turn)
            self.next_turn(now)
        elif turn is not None and turn.sounded_at is not None and now > turn.sounded_at + _LONGEST_ANSWER_S:
            self.count_error("an answer does not end")
            self.next_turn(now)
        else:
            self.passed(now)

    def _lose(self, turn: MeasuredTurn) -> None:
        self.worst_ms = inf
        if turn.counts:
            self.samples.lost += 1

    def _write(self, frame: bytes) -> None:
        self.socket.write(frame)
        if self._tape is not None:
            self._tape.sent(frame, self._loop.time())

    # --- from the socket

    def opened(self, now: float) -> None:
        """The handshake is over."""
        self.samples.connect.append((now - self.began_at) * _MS)

    def received(self, message: bytes, now: float) -> None:
        """A message has come."""
        if self._tape is not None:
            self._tape.received(message, now)
        if not self.is_over:
            self.message(message, now)

    def ended(self, code: int, now: float, *, refused: str | None) -> None:
        """The connection is over."""
        if self.is_over:
            return
        if refused is not None:
            self.samples.refused[refused] = self.samples.refused.get(refused, 0) + 1
        else:
            self.samples.closes[str(code)] = self.samples.closes.get(str(code), 0) + 1
        if self.turn is not None and self.turn.sounded_at is None and self.turn.counts:
            self._lose(self.turn)
        self._end(by_client=False, code=code)

    def _end(self, *, by_client: bool, code: int = 1000) -> None:
        if self.is_over:
            return
        self.is_over = True
        now = self._loop.time()
        if self._timer is not None:
            self._timer.cancel()
        if self.ready_at is not None:
            self.samples.up_s += self.window.shared_s(self.ready_at, now)
        if self._tape is not None:
            self._tape.ended(code, now, by_client=by_client)
        self._changed(self)
