"""Plays a conversation's speech on a sink, stops when the user interrupts, and reports what was heard."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import inf
from typing import Final

from duologue.audio.formats import Encoding
from duologue.audio.pacing import FRAME_MS
from duologue.audio.transcoding import TranscodeStream
from duologue.client.sound.loudspeaker import PullSink
from duologue.client.sound.playout import ItemPart, PlayoutQueue
from duologue.client.sound.sinks import AudioSink, result_of
from duologue.client.sound.speech import SpeechConverter
from duologue.errors import AudioError
from duologue.protocol.client.notices import AudioDelta, AudioDone, Interrupted, ResponseFinished

__all__ = ["Player"]

_MAX_LATE_S: Final = 0.2
"""A sink that is late by less catches up, because it keeps a reserve; beyond that, it plays on from now."""

_LOOK_S: Final = FRAME_MS / 1000
"""How often what a loudspeaker has played is reported while it plays."""

_AT_ONCE_MS: Final = 1000
"""How much is written at a time where nothing is paced: the loop is not held up by long speech."""


class Player:
    """The sink of one playback. `put` and `end` are called by the conversation, on its event loop.

    `report` is called with each part of which more was heard; `received` says how much of a part has come.
    """

    def __init__(
        self,
        sink: AudioSink | PullSink,
        *,
        report: Callable[[ItemPart], None],
        received: Callable[[ItemPart], int],
    ) -> None:
        self._sink = sink
        self._report = report
        self._received = received
        self._changed = asyncio.Event()
        self._fault: BaseException | None = None
        self._over = False
        self._dropping: list[Awaitable[None]] = []
        """What the sink's `drop` has returned to be awaited."""
        self._due_s = -inf
        """When what is written next is to be heard, if there is no pause before it."""
        self._has_paused = True

    async def open(self, session: Encoding) -> None:
        """Open the sink; `session` is the encoding of the session's output.

        Raises what the sink raises, and `MissingExtra` where the rates differ and the `audio` extra is not installed.
        """
        encoding: Encoding = await result_of(self._sink.open(session))
        TranscodeStream(session, encoding)  # for its fault: without the extra, the block shall not begin
        self._encoding = encoding
        self._queue = PlayoutQueue(encoding)
        self._speech = SpeechConverter(encoding)
        paced = not isinstance(self._sink, AudioSink) or self._sink.paced
        self._least_bytes = encoding.bytes_for_ms(FRAME_MS) if paced else 1

    async def close(self) -> None:
        """Close the sink."""
        for drop in self._dropping:
            if inspect.iscoroutine(drop):
                drop.close()
        await result_of(self._sink.close())

    # --- what the conversation tells

    def put(self, notice: object, /) -> None:
        """Queue speech, or drop it, as a notice demands. Never raises: a fault ends `run`."""
        try:
            match notice:
                case AudioDelta() if not self._over:
                    received = self._received(ItemPart(notice.item_id, notice.content_index))
                    self._add(self._speech.push(notice, received_bytes=received))
                case AudioDone() | ResponseFinished():
                    self._complete()
                case Interrupted():
                    self._drop()
                case _:
                    pass  # says nothing about sound
        except Exception as fault:
            self._fail(fault)

    def end(self) -> None:
        """No more speech will come."""
        try:
            self._complete()
        except Exception as failed:
            self._fail(failed)
        self._over = True
        self._changed.set()

    def report_now(self) -> bool:
        """Report what was heard by now; returns whether there is more to be heard."""
        for part, n_bytes in self._queue.take_played(self._now()):
            self._speech.heard(part, n_bytes)
            self._report(part)
        return not self._queue.is_idle

    def position(self, part: ItemPart) -> int | None:
        """How much of a part was heard, in bytes of the wire from its beginning; None if it did not come here."""
        return self._speech.position(part)

    def heard_ms(self, part: ItemPart) -> int | None:
        """The same in milliseconds, rounded down."""
        return self._speech.heard_ms(part)

    @property
    def is_idle(self) -> bool:
        """Whether all that has come has been heard, or dropped."""
        return self._queue.is_idle

    @property
    def waiting_s(self) -> float:
        """How long it takes to play what waits."""
        return self._queue.waiting_s

    # --- playing

    async def run(self) -> None:
        """Play until the conversation is over and all of its speech has been heard. Raises what the sink raises."""
        if isinstance(self._sink, PullSink):
            await self._watch(self._sink)
        else:
            await self._write(self._sink)

    async def _watch(self, sink: PullSink) -> None:
        """The sink takes by itself; report what it has played."""
        sink.start(self._queue.take)
        while not self._is_finished():
            await self._wait(inf if self._queue.is_idle else self._loop_time() + _LOOK_S)

    async def _write(self, sink: AudioSink) -> None:
        while not self._is_finished():
            if self._dropping:
                await self._dropping.pop(0)
            elif not self._queue.is_ready(self._least_bytes):
                self._has_paused = True
                await self._wait(self._queue.heard_at_s)
            elif sink.paced and (write_at := self._next_due() - sink.lead_ms / 1000) > self._loop_time():
                await self._wait(write_at)
            else:
                await result_of(sink.write(self._take(sink)))

    def _next_due(self) -> float:
        """When what is written next is to be heard, without the sink's latency."""
        now = self._loop_time()
        if (self._has_paused and self._due_s < now) or self._due_s + _MAX_LATE_S < now:
            self._due_s = now
        self._has_paused = False
        return self._due_s

    def _take(self, sink: AudioSink) -> bytes:
        if not sink.paced:
            heard_s = self._loop_time() - 2 * _AT_ONCE_MS / 1000  # which is over, so that it counts now
            return self._queue.take(self._encoding.bytes_for_ms(_AT_ONCE_MS), heard_s)
        audio = self._queue.take(self._least_bytes, self._next_due() + sink.latency_ms / 1000)
        self._due_s += len(audio) / self._encoding.bytes_per_s
        return audio

    def _is_finished(self) -> bool:
        """Report what was heard; whether there is nothing more to do. Raises what `put` met."""
        if self._fault is not None:
            raise self._fault
        return not self.report_now() and self._over and not self._dropping

    async def _wait(self, until_s: float) -> None:
        """Wait for a change, until this time of the loop at most."""
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(None if until_s == inf else until_s):
                await self._changed.wait()

    # --- the queue

    def _add(self, pieces: list[tuple[ItemPart, bytes]]) -> None:
        was_ready = self._queue.is_ready(self._least_bytes)
        for part, audio in pieces:
            if not self._queue.add(part, audio):
                raise AudioError("the server sends speech so much faster than it plays that the player's queue is full")
        if not was_ready:
            self._changed.set()

    def _complete(self) -> None:
        rest = self._speech.flush()
        self._add(rest)
        self._queue.complete()
        for part, _ in rest:
            self._report(part)  # what rounding has left, if all was heard before
        self._changed.set()

    def _drop(self) -> None:
        sink = self._sink
        self._speech.drop()
        has_dropped = isinstance(sink, AudioSink) and sink.drops
        self._queue.drop(in_device=has_dropped)
        if has_dropped:  # otherwise the last frame is still heard to its end
            self._due_s = -inf
        if isinstance(sink, AudioSink) and (drop := sink.drop()) is not None:
            self._dropping.append(drop)
        self._changed.set()

    def _fail(self, fault: BaseException) -> None:
        self._fault = self._fault or fault
        self._changed.set()

    def _now(self) -> float:
        return self._sink.now() if isinstance(self._sink, PullSink) else self._loop_time()

    def _loop_time(self) -> float:
        return asyncio.get_running_loop().time()
