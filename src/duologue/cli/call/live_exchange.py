"""A spoken exchange over Live: speech goes in without a break, and what comes out is heard, written and shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from duologue.audio.formats import PCM
from duologue.audio.wav import Sound, WavWriter
from duologue.cli.call.clips import Clip
from duologue.cli.errors import TurnFailed
from duologue.client.live import Live
from duologue.notices import LiveAudioPiece, UtteranceEnded

__all__ = ["LiveExchange"]

_PIECE_MS: Final = 100
"""Audio in one append, as in the server's pieces."""

_PIECE_BYTES: Final = PCM.bytes_for_ms(_PIECE_MS)

_OVER_MS: Final = 1000
"""Silence of the model after which an answer is over: its sentences follow each other more closely."""

_STOPPED_MS: Final = 300
"""Silence of the model, while the user talks, after which it has stopped."""


class LiveExchange:
    """Talks in a Live session whose sound is PCM at 24 kHz; for an `async with` block, in real time.

    `show` gets each utterance when it is over: its begin in milliseconds of the session, the speaker, the words.
    """

    def __init__(
        self, live: Live, voice: WavWriter, *, show: Callable[[int, str, str], None], timeout_s: float
    ) -> None:
        self._live = live
        self._voice = voice
        self._show = show
        self._timeout_s = timeout_s
        self._to_say = b""
        self._sent_ms = 0
        self._heard_ms = 0
        """How far the model's sound has come."""
        self._last_sound_ms: int | None = None
        """When the model was last heard."""
        self._changed = asyncio.Event()
        self.said: list[str] = []
        """The speakers of the utterances that are over."""

    async def __aenter__(self) -> LiveExchange:
        self._forget = (
            self._live.on(LiveAudioPiece, self._hear),
            self._live.on(UtteranceEnded, self._utterance_ended),
        )
        self._sending = asyncio.ensure_future(self._send())  # noqa: TID251 - ends with the block
        self._sending.add_done_callback(lambda _: self._changed.set())
        return self

    async def __aexit__(self, *fault: object) -> None:
        for forget in self._forget:
            forget()
        self._sending.cancel()
        await asyncio.wait((self._sending,))

    async def ask(self, sound: Sound) -> None:
        """Say this, and listen to the answer to its end.

        Raises:
            TurnFailed: there is no answer in time.
        """
        self._say(sound)
        await self.hear_rest()

    async def ask_and_hear(self, sound: Sound, *, for_ms: int = 0) -> None:
        """Say this, and listen to the answer, or to so much of it. Raises as `ask` does."""
        self._say(sound)
        said_by_ms = self._sent_ms + PCM.duration_ms(len(self._to_say))
        await self._until(lambda: self._sounds_after(said_by_ms), "the server did not answer")
        begin_ms = self._heard_ms
        await self._until(lambda: self._sounds_after(begin_ms + for_ms), "the answer was too short to be interrupted")

    async def interrupt(self, sound: Sound) -> int:
        """Say this while the model talks. Returns how long it went on after the words began, in milliseconds.

        Raises:
            TurnFailed: the model did not stop.
        """
        begin_ms = self._say(sound)
        await self._until(
            lambda: self._heard_ms > begin_ms and self._silent_for(_STOPPED_MS), "the model did not stop talking"
        )
        assert self._last_sound_ms is not None  # it was talking
        return max(0, self._last_sound_ms - begin_ms)

    async def hear_rest(self) -> None:
        """Listen to the answer to what was said last, to its end. Raises as `ask` does."""
        said_by_ms = self._sent_ms + PCM.duration_ms(len(self._to_say))
        await self._until(lambda: self._sounds_after(said_by_ms), "the server did not answer")
        await self._until(lambda: self._silent_for(_OVER_MS), "the answer did not end")

    def _say(self, sound: Sound) -> int:
        """When the words begin."""
        clip = Clip.of(sound, PCM)
        begin_ms = self._sent_ms + PCM.duration_ms(len(self._to_say)) + clip.speech_begin_ms
        self._to_say += clip.pcm16
        return begin_ms

    async def _send(self) -> None:
        now = asyncio.get_running_loop().time
        began_at = now()
        while True:
            piece, self._to_say = self._to_say[:_PIECE_BYTES], self._to_say[_PIECE_BYTES:]
            await self._live.send_audio(piece.ljust(_PIECE_BYTES, b"\0"))
            self._sent_ms += _PIECE_MS
            await asyncio.sleep(began_at + self._sent_ms / 1000 - now())

    def _hear(self, piece: LiveAudioPiece) -> None:
        self._voice.write(piece.audio)
        self._heard_ms = piece.start_ms + PCM.duration_ms(len(piece.audio))
        if sound := piece.audio.rstrip(b"\0"):
            self._last_sound_ms = piece.start_ms + PCM.duration_ms(len(sound))
        self._changed.set()

    def _utterance_ended(self, notice: UtteranceEnded) -> None:
        utterance = notice.utterance
        self.said.append(utterance.speaker)
        self._show(utterance.start_ms, utterance.speaker, utterance.text)
        self._changed.set()

    def _sounds_after(self, position_ms: int) -> bool:
        return self._last_sound_ms is not None and self._last_sound_ms > position_ms

    def _silent_for(self, duration_ms: int) -> bool:
        return self._last_sound_ms is not None and self._heard_ms - self._last_sound_ms >= duration_ms

    async def _until(self, done: Callable[[], bool], failure: str) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                while not done():
                    if self._sending.done():
                        self._sending.result()  # raises what ended it
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise TurnFailed(f"{failure} within {self._timeout_s:g} s") from None
