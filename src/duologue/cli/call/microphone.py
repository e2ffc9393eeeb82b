"""A conversation by microphone and loudspeaker, in which the user may interrupt."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from duologue.audio.formats import PCM, Encoding
from duologue.audio.pacing import Framer
from duologue.cli.call.sound_device import SoundDevice
from duologue.cli.call.talker import Talker
from duologue.cli.run import background
from duologue.cli.turns.observations import Observation
from duologue.cli.turns.turn import Turn
from duologue.client.sound.playout import ItemPart, PlayoutQueue
from duologue.errors import AudioError, ConnectionClosedOK
from duologue.events import (
    ClientEvent,
    InputAudioBufferAppendEvent,
    InputAudioBufferSpeechStartedEvent,
    InputAudioBufferSpeechStoppedEvent,
    ResponseAudioDeltaEvent,
    ResponseAudioDoneEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    is_set,
)
from duologue.protocol.client.playback import PlaybackLedger, PlaybackWatch

__all__ = ["MicrophoneTalk"]

_APPEND_MS: Final = 40
"""Audio in one append: it delays turn detection by as much, and 25 messages a second cost little."""

_MAX_QUEUED_EVENTS: Final = 250
"""Events that wait for a server that does not read, some ten seconds; then audio is dropped."""
_MAX_QUEUED_AUDIO: Final = 200
"""The other places are for truncations."""


class MicrophoneTalk:
    """Sends audio from a microphone and plays the responses, until the session ends.

    When the server detects speech, playback stops at once and the server's item is truncated to what was played, so
    that the conversation holds no words that the user has not heard.
    """

    def __init__(
        self,
        talker: Talker,
        device: SoundDevice,
        *,
        turn_began: Callable[[Turn], None],
        heard: PlaybackWatch | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now_s` is the device's clock, `heard` is told what of the model's speech was played. The talker has started:
        its formats are those of the session.
        """
        self._talker = talker
        self._device = device
        self._turn_began = turn_began
        self._now_s = now_s
        self._input: Encoding = talker.audio.input
        self._output: Encoding = talker.audio.output
        self._framer = Framer(Encoding(PCM.type, self._input.rate_hz, 2), frame_ms=_APPEND_MS)
        self._player = PlayoutQueue(replace(PCM, rate_hz=self._output.rate_hz))
        self._ledger = PlaybackLedger(self._output)
        self._ledger.watch = heard
        self._outgoing: asyncio.Queue[ClientEvent] = asyncio.Queue(_MAX_QUEUED_EVENTS)
        self._began_at_s: float | None = None
        self._rest: tuple[ItemPart | None, bytes] = (None, b"")
        self._turn = talker.turn = Turn(spoken=True)
        self._has_begun = False
        self._running: set[str] = set()
        self._interrupted: set[str] = set()

    async def run(self) -> None:
        """Talk until the server closes normally. Closes the device in any case, also when cancelled.

        Raises:
            ConnectionClosedError: the session ended in another way.
            DuologueError: the device cannot be opened.
        """
        loop = asyncio.get_running_loop()
        try:
            # Opening a device takes half a second with some drivers.
            await asyncio.to_thread(
                self._device.start,
                input_hz=self._input.rate_hz,
                output_hz=self._output.rate_hz,
                record=lambda pcm16: _call(loop, self._record, pcm16),
                play=self._player.take,
            )
            async with background(self._send_all()):
                await self._talker._until(lambda: False, math.inf)
        except ConnectionClosedOK:
            return
        finally:
            self._device.stop()

    def observe(self, observation: Observation) -> None:
        """Play, interrupt or change turns, as an event of the server demands."""
        if observation.direction != "received":
            return
        match observation.event:
            case ResponseCreatedEvent(response=response):
                self._running.add(response.id if is_set(response.id) else "")
            case ResponseAudioDeltaEvent() as delta:
                self._play(delta)
            case ResponseAudioDoneEvent(item_id=item_id, content_index=content_index):
                self._ledger.all_received(item_id, content_index)
            case ResponseDoneEvent(response=response):
                self._running.discard(response.id if is_set(response.id) else "")
                self._interrupted.intersection_update(self._running)
                self._next_turn()
            case InputAudioBufferSpeechStartedEvent():
                self._interrupt()
                self._begin_turn()
            case InputAudioBufferSpeechStoppedEvent(audio_end_ms=end_ms):
                self._end_turn(end_ms, observation.at_s)
            case _:
                pass  # events that neither play nor stop anything

    # --- sending

    def _record(self, pcm16: bytes) -> None:
        """Queue a block from the microphone. Runs on the event loop."""
        self._report_played()
        for frame in self._framer.push(pcm16):
            if self._outgoing.qsize() < _MAX_QUEUED_AUDIO:
                self._outgoing.put_nowait(InputAudioBufferAppendEvent.from_audio(self._input.from_pcm16(frame)))

    async def _send_all(self) -> None:
        while True:
            event = await self._outgoing.get()
            await self._talker._send(event)
            if self._began_at_s is None and isinstance(event, InputAudioBufferAppendEvent):
                self._began_at_s = self._talker._elapsed_s - _APPEND_MS / 1000

    # --- playing

    def _play(self, event: ResponseAudioDeltaEvent) -> None:
        part = ItemPart(event.item_id, event.content_index)
        try:
            audio = event.decode_audio()
        except ValueError:
            return  # the timeline shows it
        if event.response_id in self._interrupted or not self._ledger.received(*part, len(audio)):
            return
        # A piece may end within a sample.
        audio = (self._rest[1] if self._rest[0] == part else b"") + audio
        whole = len(audio) // self._output.bytes_per_sample * self._output.bytes_per_sample
        self._rest = (part, audio[whole:])
        if not self._player.add(part, self._output.to_pcm16(audio[:whole])):
            raise AudioError("the server sends speech so much faster than it plays that the buffer is full")

    def _report_played(self) -> None:
        """Report to the ledger what has been played since the last report."""
        for part, n_bytes in self._player.take_played(self._now_s()):
            self._ledger.played(*part, n_bytes=n_bytes // 2 * self._output.bytes_per_sample)

    def _interrupt(self) -> None:
        """The user speaks: stop playback, drop the rest of the running responses, truncate the item."""
        # https://platform.openai.com/docs/guides/realtime-conversations#interruption-and-truncation
        self._report_played()
        self._player.drop(in_device=False)
        self._interrupted |= self._running
        truncate = self._ledger.interrupt().truncate
        if truncate is not None and not self._outgoing.full():
            self._outgoing.put_nowait(truncate)

    # --- turns, for the summary

    def _begin_turn(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._turn_began(self._turn)

    def _next_turn(self) -> None:
        """Start a new turn, unless the user has interrupted and the answer is still to come."""
        if self._turn.answered:
            self._turn = self._talker.turn = Turn(spoken=True)
            self._has_begun = False

    def _end_turn(self, audio_end_ms: int, at_s: float) -> None:
        # The server's time counts from the first audio that it received, and includes the silence that ended the turn.
        if self._began_at_s is not None:
            speech_end_ms = audio_end_ms - self._talker.audio.silence_ms
            self._turn.ended_at_s = min(at_s, self._began_at_s + max(0, speech_end_ms) / 1000)


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[bytes], None], pcm16: bytes) -> None:
    """Hand a block from the device's thread to the loop; drop it when the loop is closed."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, pcm16)
