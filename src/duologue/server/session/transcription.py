"""One session's speech on its way to text: while it is spoken, when it pauses, and when it is over.

Nothing is transcribed twice that has just been transcribed. A pause has its words read ahead, and if the turn is over
these are the transcript; if it goes on after a long stretch, they stay the words of that stretch, and from then on only
what follows is read. So the last pass over the longest turn costs no more than its end does.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Final

import msgspec

from duologue.engines.fair_queue import Priority
from duologue.engines.registry import Engines
from duologue.protocol import DiscardAhead, ServerProtocol, Transcribe, TranscribeAhead, TranscribePartial
from duologue.server.session.audio_input import pcm16_of, transcribe
from duologue.server.session.response_pipeline import closing
from duologue.server.telemetry.log import log_event

__all__ = ["Transcribing"]

_MIN_WAIT_S: Final = 0.3
"""Between two guesses: faster than anybody reads."""

_REST_PER_WORK: Final = 2.0
"""A guess that took a second is followed by two without: a third of a core for guesses, so that with what is read at
pauses a speaker costs less than half of one."""

_LONG_MS: Final = 8_000
"""A stretch of this length stands by itself: the engine has heard enough of the sentence to spell it, and reading it
again at every pause would cost more than half of the time until then."""

_UNJUDGED: Final = 0.5
"""The completeness of text for which there is no detector."""

_Start = Callable[[str, Coroutine[Any, Any, Any]], asyncio.Task[Any]]


class _Turn:
    """What is known of the words of the turn under way."""

    def __init__(self, item_id: str) -> None:
        self.item_id = item_id
        self.settled: list[str] = []
        self.settled_bytes = 0
        self.foreseen: asyncio.Task[str | None] | None = None
        """The words since the settled ones, up to the present pause."""
        self.foreseen_bytes = 0
        self.foreseen_ms = 0
        """How much audio that is; 0 as long as it has not begun."""
        self.settling: asyncio.Task[str | None] | None = None
        self.detecting: asyncio.Task[None] | None = None

    def words(self, text: str) -> str:
        """All words, when these are the last."""
        return " ".join(part for part in (*self.settled, text.strip()) if part)

    def let_settle(self, reading: asyncio.Task[str | None]) -> None:
        """Keep what is being read as the words of its stretch."""
        self.settling = reading
        reading.add_done_callback(self._settle)

    def _settle(self, reading: asyncio.Task[str | None]) -> None:
        self.settling = None
        if not reading.cancelled() and reading.exception() is None and (text := reading.result()) is not None:
            self.settled.append(text)
            self.settled_bytes = self.foreseen_bytes


class Transcribing:
    """Carries out what the protocol wants transcribed. Not more than one turn is under way at a time."""

    def __init__(
        self,
        engines: Engines,
        protocol: ServerProtocol,
        *,
        start: _Start,
        pass_on: Callable[[], Awaitable[None]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`start` makes a task of work under a name, and holds it; `pass_on` sends what the protocol has come to."""
        self._engines = engines
        self._protocol = protocol
        self._start = start
        self._pass_on = pass_on
        self._sleep = sleep
        self._clock = clock
        self._owner = protocol.session.wire.id
        # What an engine costs by the call is not asked again and again for the same speech.
        self._repeatable = bool(getattr(engines.transcriber, "repeatable", False))
        self._turn: _Turn | None = None
        self._following: asyncio.Task[None] | None = None
        self._seen_bytes = 0
        self._ahead_cost_s = 0.0
        self._ahead_until_s = 0.0
        self._n_started = 0

    # --- while it is spoken

    def follow(self, command: TranscribePartial) -> None:
        """Guess at a turn's words until it is over."""
        if self._repeatable:
            self._following = self._begin("follow", command.item_id, self._follow(self._of(command.item_id)))

    async def _follow(self, turn: _Turn) -> None:
        wait_s: float | None = _MIN_WAIT_S
        self._seen_bytes = 0
        while wait_s is not None:
            await self._sleep(wait_s)
            try:
                wait_s = await self._guess(turn)
            except Exception as fault:
                # If the last pass fails too, the client gets its error; until then no transcript was requested.
                self._note_failure("guess", turn, fault)
                return

    async def _guess(self, turn: _Turn) -> float | None:
        """Read the newest words once, if there are any. Returns how long to wait then; None when the turn is over."""
        if turn.settling is not None:
            await asyncio.wait({turn.settling})
        async with self._engines.fair_queue.place(self._owner, Priority.PARTIAL):
            from_byte = turn.settled_bytes
            spoken = self._protocol.speech_so_far(turn.item_id, from_byte)
            if spoken is None:
                return None
            n_bytes = from_byte + len(spoken.audio)
            # What a pause is about is read by `foresee`, which must not wait for this.
            if self._protocol.silent or n_bytes == self._seen_bytes:
                return _MIN_WAIT_S
            begun_s, self._seen_bytes = self._clock(), n_bytes
            text = await self._read(spoken)
            cost_s = self._clock() - begun_s
        if turn.settled_bytes == from_byte:  # else its first words are among the settled ones by now
            await self._send(turn, text)
        return max(_MIN_WAIT_S, _REST_PER_WORK * cost_s)

    async def _send(self, turn: _Turn, text: str) -> None:
        self._protocol.partial_transcript(turn.item_id, turn.words(text))
        await self._pass_on()

    # --- when it pauses

    def foresee(self, command: TranscribeAhead) -> None:
        """Read what was said, in case that was all; judge whether it was, if that is wanted."""
        turn = self._of(command.item_id)
        if self._repeatable:
            turn.foreseen_ms = 0
            turn.foreseen = self._begin("foresee", turn.item_id, self._foresee(turn, turn.settling))
        if command.detect_end_of_turn:
            turn.detecting = self._begin("end of turn", turn.item_id, self._detect_end(turn, turn.foreseen))

    async def _foresee(self, turn: _Turn, settling: asyncio.Task[str | None] | None) -> str | None:
        """The words since the settled ones; None if they cannot be had now."""
        if settling is not None:
            await asyncio.wait({settling})
        try:
            if (rest_s := self._ahead_until_s - self._clock()) > 0:
                await self._sleep(rest_s)
            async with self._engines.fair_queue.place(self._owner, Priority.AHEAD):
                spoken = self._protocol.speech_so_far(turn.item_id, turn.settled_bytes)
                if spoken is None:
                    return None
                turn.foreseen_bytes = turn.settled_bytes + len(spoken.audio)
                turn.foreseen_ms = max(1, spoken.encoding.duration_ms(len(spoken.audio)))
                text = await self._read_ahead(spoken)
            await self._send(turn, text)
            return text
        except Exception as fault:
            self._note_failure("read ahead", turn, fault)
            return None

    async def _read_ahead(self, spoken: Transcribe) -> str:
        """Read; and do not begin again before twice the time that it takes, whatever noise makes a pause of a pause."""
        begun_s = self._clock()
        try:
            text = await self._read(spoken)
            self._ahead_cost_s = self._clock() - begun_s
            return text
        finally:
            # A reading that was dropped goes on in its thread and costs as much as the one before.
            self._ahead_until_s = begun_s + _REST_PER_WORK * max(self._ahead_cost_s, self._clock() - begun_s)

    async def _detect_end(self, turn: _Turn, foreseen: asyncio.Task[str | None] | None) -> None:
        detector, completeness = self._engines.end_of_turn, _UNJUDGED
        # Shielded: when speech goes on the judgement is dropped, but what is read may be kept.
        text = await asyncio.shield(foreseen) if foreseen is not None else None
        spoken = self._protocol.speech_so_far(turn.item_id, turn.settled_bytes)
        if spoken is None:
            return
        if detector is not None and text is not None:
            try:
                audio = await pcm16_of(spoken, detector.sample_rate_hz, self._engines.new_denoiser)
                completeness = await detector.completeness(audio, turn.words(text))
            except Exception as fault:
                self._note_failure("end of turn", turn, fault)
        self._protocol.end_of_turn_estimated(turn.item_id, completeness, now=self._clock())
        await self._pass_on()

    def recall(self, command: DiscardAhead) -> None:
        """The turn goes on, or is gone."""
        turn = self._turn
        if turn is None or turn.item_id != command.item_id:
            return
        for task in (turn.detecting, turn.settling if command.gone else None):
            if task is not None:
                task.cancel()
        foreseen, turn.foreseen, turn.detecting = turn.foreseen, None, None
        if command.gone:
            self._turn = None
        if foreseen is None:
            return
        if not command.gone and turn.foreseen_ms >= _LONG_MS:
            turn.let_settle(foreseen)
        else:
            foreseen.cancel()

    # --- when it is over

    async def transcribe(self, command: Transcribe) -> None:
        """Report the transcript of an item. What an engine raises passes through."""
        turn = self._ended(command.item_id)
        if (text := await self._foreseen(turn)) is not None:
            self._protocol.transcribed(command.item_id, turn.words(text), now=self._clock())
            return
        if turn.settling is not None:
            await asyncio.wait({turn.settling})
        rest = msgspec.structs.replace(command, audio=command.audio[turn.settled_bytes :])
        transcript = turn.words("")
        if transcript:
            self._protocol.transcript_delta(command.item_id, transcript)
        between = " " if transcript else ""
        async with self._engines.fair_queue.place(self._owner, Priority.FINAL), closing(self._pieces(rest)) as pieces:
            async for piece in pieces:
                transcript += between + piece
                self._protocol.transcript_delta(command.item_id, between + piece)
                between = ""
                await self._pass_on()
        self._protocol.transcribed(command.item_id, transcript.strip(), now=self._clock())

    def _ended(self, item_id: str) -> _Turn:
        """The turn that this item was, which is under way no longer; an empty one for any other item."""
        turn = self._turn
        if turn is None or turn.item_id != item_id:
            return _Turn(item_id)
        self._turn = None
        if self._following is not None:
            self._following.cancel()
            self._following = None
        return turn

    async def _foreseen(self, turn: _Turn) -> str | None:
        """What was read ahead; None if nothing was, or that has not begun, for now it is urgent."""
        foreseen, turn.foreseen = turn.foreseen, None
        if foreseen is None:
            return None
        if not foreseen.done() and not turn.foreseen_ms:
            foreseen.cancel()
            return None
        return await foreseen

    def close(self) -> None:
        """The session is over, and whatever was under way is cancelled: hold none of it.

        A cancelled task keeps the exception that ended it, and so the frames that hold this object.
        """
        if self._turn is not None:
            self._turn.foreseen = self._turn.settling = self._turn.detecting = None
        self._turn = self._following = None

    # --- the engine

    def _of(self, item_id: str) -> _Turn:
        if self._turn is None or self._turn.item_id != item_id:
            self._turn = _Turn(item_id)
        return self._turn

    def _begin(self, what: str, item_id: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        self._n_started += 1
        return self._start(f"{what} {item_id} {self._n_started}", work)

    def _note_failure(self, work: str, turn: _Turn, fault: Exception) -> None:
        kind = type(fault).__name__
        log_event(logging.WARNING, "engine failed", session=self._owner, work=f"{work} {turn.item_id}", kind=kind)

    async def _read(self, spoken: Transcribe) -> str:
        async with closing(self._pieces(spoken)) as transcript:
            return "".join([piece async for piece in transcript]).strip()

    def _pieces(self, spoken: Transcribe) -> AsyncIterator[str]:
        return transcribe(self._engines.transcriber, spoken, self._engines.new_denoiser)
