"""One session's transcription: during a turn, at its pauses, and at its end.

At each pause the speech so far is transcribed ahead. If the turn ends there, that is its transcript. If it goes on and
the speech was long, its text is settled: it is not transcribed again, only the audio behind it is. So the transcript of
the longest turn is complete soon after its end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Final

import msgspec

from duologue.clock import loop_time
from duologue.engines.fair_queue import Priority
from duologue.engines.registry import Engines
from duologue.protocol import DiscardAhead, ServerProtocol, Transcribe, TranscribeAhead, TranscribePartial
from duologue.server.session.audio_input import pcm16_of, transcribe
from duologue.server.session.response_pipeline import closing
from duologue.server.telemetry.log import log_event

__all__ = ["TranscriptionPipeline"]

_MIN_WAIT_S: Final = 0.3
"""Between two partial transcripts: faster than people read."""

_REST_PER_WORK: Final = 2.0
"""A call that took a second is followed by a wait of two: partial transcripts take a third of a core at most, and with
the pauses a speaker takes less than half of one."""

_LONG_MS: Final = 8_000
"""Speech of this length is settled at a pause: it has enough context for its spelling, and transcribing it again at
every pause would cost more than half of the time until then."""

_UNKNOWN_COMPLETENESS: Final = 0.5
"""The completeness of a turn if there is no detector, or it fails."""

_Start = Callable[[str, Coroutine[Any, Any, Any]], asyncio.Task[Any]]


class _Turn:
    """What is known of the current turn's text."""

    def __init__(self, item_id: str) -> None:
        self.item_id = item_id
        self.settled: list[str] = []
        self.settled_bytes = 0
        self.ahead: asyncio.Task[str | None] | None = None
        """The text behind the settled text, up to the current pause."""
        self.ahead_bytes = 0
        self.ahead_ms = 0
        """Length of its audio; 0 until the engine has begun."""
        self.settling: asyncio.Task[str | None] | None = None
        self.detecting: asyncio.Task[None] | None = None

    def words(self, text: str) -> str:
        """The whole text, if it ends with this one."""
        return " ".join(part for part in (*self.settled, text.strip()) if part)

    def settle_when_done(self, task: asyncio.Task[str | None]) -> None:
        """Settle the text of a transcription that is under way."""
        self.settling = task
        task.add_done_callback(self._settle)

    def _settle(self, task: asyncio.Task[str | None]) -> None:
        self.settling = None
        if not task.cancelled() and task.exception() is None and (text := task.result()) is not None:
            self.settled.append(text)
            self.settled_bytes = self.ahead_bytes


class TranscriptionPipeline:
    """Executes the protocol's commands of transcription. At most one turn is under way at a time."""

    def __init__(
        self,
        engines: Engines,
        protocol: ServerProtocol,
        *,
        start: _Start,
        flush: Callable[[], Awaitable[None]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = loop_time,
    ) -> None:
        """`start` makes a task of a name and a coroutine, and keeps it; `flush` sends the protocol's events."""
        self._engines = engines
        self._protocol = protocol
        self._start = start
        self._flush = flush
        self._sleep = sleep
        self._clock = clock
        self._owner = protocol.session.wire.id
        # An engine that is billed by the call transcribes each turn once.
        self._repeatable = bool(getattr(engines.transcriber, "repeatable", False))
        self._turn: _Turn | None = None
        self._partials: asyncio.Task[None] | None = None
        self._seen_bytes = 0
        self._ahead_cost_s = 0.0
        self._ahead_until_s = 0.0
        self._n_started = 0

    # --- during a turn

    def transcribe_partial(self, command: TranscribePartial) -> None:
        """Send partial transcripts of a turn until it is over."""
        if self._repeatable:
            self._partials = self._begin(
                "partial transcripts", command.item_id, self._transcribe_repeatedly(self._of(command.item_id))
            )

    async def _transcribe_repeatedly(self, turn: _Turn) -> None:
        wait_s: float | None = _MIN_WAIT_S
        self._seen_bytes = 0
        while wait_s is not None:
            await self._sleep(wait_s)
            try:
                wait_s = await self._transcribe_once(turn)
            except Exception as fault:
                # The client gets no error: it gets one if the transcript of the item fails too.
                self._log_failure("partial transcript", turn, fault)
                return

    async def _transcribe_once(self, turn: _Turn) -> float | None:
        """Send a partial transcript if there is new speech. Returns the seconds to wait; None when the turn is over."""
        if turn.settling is not None:
            await asyncio.wait({turn.settling})
        async with self._engines.fair_queue.place(self._owner, Priority.PARTIAL):
            from_byte = turn.settled_bytes
            speech = self._protocol.speech_so_far(turn.item_id, from_byte)
            if speech is None:
                return None
            n_bytes = from_byte + len(speech.audio)
            # A pause is transcribed by `transcribe_ahead`, which must not wait for this.
            if self._protocol.silent or n_bytes == self._seen_bytes:
                return _MIN_WAIT_S
            begun_s, self._seen_bytes = self._clock(), n_bytes
            text = await self._transcribe(speech)
            cost_s = self._clock() - begun_s
        if turn.settled_bytes == from_byte:  # else the beginning of this text is settled by now
            await self._send(turn, text)
        return max(_MIN_WAIT_S, _REST_PER_WORK * cost_s)

    async def _send(self, turn: _Turn, text: str) -> None:
        self._protocol.partial_transcript(turn.item_id, turn.words(text))
        await self._flush()

    # --- at a pause

    def transcribe_ahead(self, command: TranscribeAhead) -> None:
        """Transcribe the speech so far, in case the turn is over; on request, detect whether it is."""
        turn = self._of(command.item_id)
        if self._repeatable:
            turn.ahead_ms = 0
            turn.ahead = self._begin("transcript ahead", turn.item_id, self._transcribe_pause(turn, turn.settling))
        if command.detect_end_of_turn:
            turn.detecting = self._begin("end of turn", turn.item_id, self._detect_end(turn, turn.ahead))

    async def _transcribe_pause(self, turn: _Turn, settling: asyncio.Task[str | None] | None) -> str | None:
        """The text behind the settled text; None if the turn is gone or the engine fails."""
        if settling is not None:
            await asyncio.wait({settling})
        try:
            if (rest_s := self._ahead_until_s - self._clock()) > 0:
                await self._sleep(rest_s)
            async with self._engines.fair_queue.place(self._owner, Priority.AHEAD):
                speech = self._protocol.speech_so_far(turn.item_id, turn.settled_bytes)
                if speech is None:
                    return None
                turn.ahead_bytes = turn.settled_bytes + len(speech.audio)
                turn.ahead_ms = max(1, speech.encoding.duration_ms(len(speech.audio)))
                text = await self._timed(speech)
            await self._send(turn, text)
            return text
        except Exception as fault:
            self._log_failure("transcript ahead", turn, fault)
            return None

    async def _timed(self, speech: Transcribe) -> str:
        """Transcribe. The next call waits for twice the time that this one takes: noise can make many short pauses."""
        begun_s = self._clock()
        try:
            text = await self._transcribe(speech)
            self._ahead_cost_s = self._clock() - begun_s
            return text
        finally:
            # A cancelled call goes on in its thread, and takes about as long as the last one.
            self._ahead_until_s = begun_s + _REST_PER_WORK * max(self._ahead_cost_s, self._clock() - begun_s)

    async def _detect_end(self, turn: _Turn, ahead: asyncio.Task[str | None] | None) -> None:
        detector, completeness = self._engines.end_of_turn, _UNKNOWN_COMPLETENESS
        # Shielded: if speech goes on, this task is cancelled, but the text may be settled.
        text = await asyncio.shield(ahead) if ahead is not None else None
        speech = self._protocol.speech_so_far(turn.item_id, turn.settled_bytes)
        if speech is None:
            return
        if detector is not None and text is not None:
            try:
                audio = await pcm16_of(speech, detector.sample_rate_hz, self._engines.new_denoiser)
                completeness = await detector.completeness(audio, turn.words(text))
            except Exception as fault:
                self._log_failure("end of turn", turn, fault)
        self._protocol.end_of_turn_estimated(turn.item_id, completeness, now=self._clock())
        await self._flush()

    def discard_ahead(self, command: DiscardAhead) -> None:
        """The turn goes on, or is gone: drop the transcript ahead, or settle it if it is long."""
        turn = self._turn
        if turn is None or turn.item_id != command.item_id:
            return
        for task in (turn.detecting, turn.settling if command.gone else None):
            if task is not None:
                task.cancel()
        ahead, turn.ahead, turn.detecting = turn.ahead, None, None
        if command.gone:
            self._turn = None
        if ahead is None:
            return
        if not command.gone and turn.ahead_ms >= _LONG_MS:
            turn.settle_when_done(ahead)
        else:
            ahead.cancel()

    # --- at the end

    async def transcribe(self, command: Transcribe) -> None:
        """Report the transcript of an item to the protocol. Raises what the engine raises."""
        turn = self._end(command.item_id)
        if (text := await self._text_ahead(turn)) is not None:
            self._protocol.transcribed(command.item_id, turn.words(text), now=self._clock())
            return
        if turn.settling is not None:
            await asyncio.wait({turn.settling})
        rest = msgspec.structs.replace(command, audio=command.audio[turn.settled_bytes :])
        transcript = turn.words("")
        if transcript:
            self._protocol.transcript_delta(command.item_id, transcript)
        between = " " if transcript else ""  # the joined deltas are the transcript (rule `transcription.concat`)
        async with self._engines.fair_queue.place(self._owner, Priority.FINAL), closing(self._pieces(rest)) as pieces:
            async for piece in pieces:
                transcript += between + piece
                self._protocol.transcript_delta(command.item_id, between + piece)
                between = ""
                await self._flush()
        self._protocol.transcribed(command.item_id, transcript.strip(), now=self._clock())

    def _end(self, item_id: str) -> _Turn:
        """End the turn of this item and return it; an empty turn for any other item."""
        turn = self._turn
        if turn is None or turn.item_id != item_id:
            return _Turn(item_id)
        self._turn = None
        if self._partials is not None:
            self._partials.cancel()
            self._partials = None
        return turn

    async def _text_ahead(self, turn: _Turn) -> str | None:
        """The transcript ahead; None if there is none, or it waits for the engine: the final call goes first."""
        ahead, turn.ahead = turn.ahead, None
        if ahead is None:
            return None
        if not ahead.done() and not turn.ahead_ms:
            ahead.cancel()
            return None
        return await ahead

    def close(self) -> None:
        """The session is over and all tasks are cancelled: drop them.

        A cancelled task keeps its exception, whose traceback holds this object.
        """
        if self._turn is not None:
            self._turn.ahead = self._turn.settling = self._turn.detecting = None
        self._turn = self._partials = None

    # --- the engine

    def _of(self, item_id: str) -> _Turn:
        if self._turn is None or self._turn.item_id != item_id:
            self._turn = _Turn(item_id)
        return self._turn

    def _begin(self, what: str, item_id: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        self._n_started += 1
        return self._start(f"{what} {item_id} {self._n_started}", work)

    def _log_failure(self, work: str, turn: _Turn, fault: Exception) -> None:
        kind = type(fault).__name__
        log_event(logging.WARNING, "engine failed", session=self._owner, work=f"{work} {turn.item_id}", kind=kind)

    async def _transcribe(self, speech: Transcribe) -> str:
        async with closing(self._pieces(speech)) as transcript:
            return "".join([piece async for piece in transcript]).strip()

    def _pieces(self, speech: Transcribe) -> AsyncIterator[str]:
        return transcribe(self._engines.transcriber, speech, self._engines.new_denoiser)
