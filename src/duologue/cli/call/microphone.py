"""A conversation by microphone and loudspeaker, in which the user may interrupt."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import Final

from duologue.audio.formats import PCM, Encoding
from duologue.audio.pacing import Framer
from duologue.cli.call.player import ItemPart, Player
from duologue.cli.call.sound_device import SoundDevice
from duologue.cli.call.talker import Talker
from duologue.cli.run import background
from duologue.cli.turns.observations import Observation
from duologue.cli.turns.turn import Turn
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
from duologue.protocol.client.playback import PlaybackLedger

__all__ = ["MicrophoneTalk"]

_APPEND_MS: Final = 40
"""What one append carries: a turn is noticed that much later, and 25 messages a second cost nothing."""

_MAX_QUEUED_EVENTS: Final = 250
"""Events on their way to a server that does not read, some ten seconds; then the microphone is not heard."""
_MAX_QUEUED_AUDIO: Final = 200
"""The rest of the places is for what an interruption has to say."""


class MicrophoneTalk:
    """Feeds a conversation from a microphone and plays what comes, until the session is over.

    When the server hears the user, playback stops at once, and the server is told how much of its speech was really
    heard, so that the conversation holds no words that nobody has heard.
    """

    def __init__(
        self,
        conversation: Talker,
        device: SoundDevice,
        *,
        turn_began: Callable[[Turn], None],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now_s` is the device's clock. The conversation has begun: its formats are those of the session."""
        self._talker = conversation
        self._device = device
        self._turn_began = turn_began
        self._now_s = now_s
        self._input: Encoding = conversation.audio.input
        self._output: Encoding = conversation.audio.output
        self._framer = Framer(Encoding(PCM.type, self._input.rate_hz, 2), frame_ms=_APPEND_MS)
        self._player = Player(self._output.rate_hz)
        self._ledger = PlaybackLedger(self._output)
        self._outgoing: asyncio.Queue[ClientEvent] = asyncio.Queue(_MAX_QUEUED_EVENTS)
        self._began_at_s: float | None = None
        self._rest: tuple[ItemPart | None, bytes] = (None, b"")
        self._turn = conversation.turn = Turn(spoken=True)
        self._has_begun = False
        self._running: set[str] = set()
        self._silenced: set[str] = set()

    async def run(self) -> None:
        """Talk until the server ends the session as agreed. Cancelled: the device is given back.

        Raises:
            ConnectionClosedError: the session ended otherwise.
            DuologueError: there is no device.
        """
        loop = asyncio.get_running_loop()
        try:
            # SessionStart a device takes half a second with some drivers.
            await asyncio.to_thread(
                self._device.start,
                input_hz=self._input.rate_hz,
                output_hz=self._output.rate_hz,
                heard=lambda pcm16: _call(loop, self._record, pcm16),
                play=self._player.take,
            )
            async with background(self._send_all()):
                await self._talker._until(lambda: False, math.inf)
        except ConnectionClosedOK:
            return
        finally:
            self._device.stop()

    def observe(self, observation: Observation) -> None:
        """An event went by."""
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
                self._silenced.intersection_update(self._running)
                self._follow_turn()
            case InputAudioBufferSpeechStartedEvent():
                self._interrupt()
                self._begin_turn()
            case InputAudioBufferSpeechStoppedEvent(audio_end_ms=end_ms):
                self._end_turn(end_ms, observation.at_s)
            case _:
                pass  # events that neither play nor stop anything

    # --- out

    def _record(self, pcm16: bytes) -> None:
        """A block from the microphone, on the event loop."""
        self._report()
        for frame in self._framer.push(pcm16):
            if self._outgoing.qsize() < _MAX_QUEUED_AUDIO:
                self._outgoing.put_nowait(InputAudioBufferAppendEvent.from_audio(self._input.from_pcm16(frame)))

    async def _send_all(self) -> None:
        while True:
            event = await self._outgoing.get()
            await self._talker._send(event)
            if self._began_at_s is None and isinstance(event, InputAudioBufferAppendEvent):
                self._began_at_s = self._talker._elapsed_s - _APPEND_MS / 1000

    # --- in

    def _play(self, event: ResponseAudioDeltaEvent) -> None:
        part = ItemPart(event.item_id, event.content_index)
        try:
            audio = event.decode_audio()
        except ValueError:
            return  # the timeline shows it
        if event.response_id in self._silenced or not self._ledger.received(*part, len(audio)):
            return
        # Nothing promises that a piece ends with a sample.
        audio = (self._rest[1] if self._rest[0] == part else b"") + audio
        whole = len(audio) // self._output.bytes_per_sample * self._output.bytes_per_sample
        self._rest = (part, audio[whole:])
        if not self._player.add(part, self._output.to_pcm16(audio[:whole])):
            raise AudioError("the server speaks so much faster than it can be heard that there is no room for it")

    def _report(self) -> None:
        """Tell the ledger what has been heard since the last time."""
        for part, n_bytes in self._player.heard(self._now_s()):
            self._ledger.heard(*part, n_bytes=n_bytes // 2 * self._output.bytes_per_sample)

    def _interrupt(self) -> None:
        """The user speaks: silence now, and nothing more of what was being said."""
        self._report()
        self._player.stop()
        self._silenced |= self._running
        truncate = self._ledger.interrupt().truncate
        if truncate is not None and not self._outgoing.full():
            self._outgoing.put_nowait(truncate)

    # --- turns, for the summary

    def _begin_turn(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._turn_began(self._turn)

    def _follow_turn(self) -> None:
        """What comes now is the next turn's, unless the user has interrupted and is still to be answered."""
        if self._turn.answered:
            self._turn = self._talker.turn = Turn(spoken=True)
            self._has_begun = False

    def _end_turn(self, audio_end_ms: int, at_s: float) -> None:
        # The server counts the silence that ended the turn, from the begin of what it was sent.
        if self._began_at_s is not None:
            speech_end_ms = audio_end_ms - self._talker.audio.silence_ms
            self._turn.ended_at_s = min(at_s, self._began_at_s + max(0, speech_end_ms) / 1000)


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[bytes], None], pcm16: bytes) -> None:
    """From the device's thread; a block behind the end is of no use to anybody."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, pcm16)
