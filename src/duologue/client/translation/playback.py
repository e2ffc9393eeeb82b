"""Translated speech on a sink: what `play` returns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from duologue.audio.formats import PCM
from duologue.client.sound.blocks import SoundBlock, closing_after
from duologue.client.sound.loudspeaker import PullSink
from duologue.client.sound.player import Player
from duologue.client.sound.sinks import AudioSink
from duologue.errors import ConnectionClosedOK, DuologueError
from duologue.protocol.client.notices import AudioDelta, AudioDone
from duologue.protocol.translation.client.notices import TranslatedAudio
from duologue.tracebacks import anew

if TYPE_CHECKING:
    from duologue.client.translation.session import SpeechTranslation

__all__ = ["TranslationPlayback"]

_logger = logging.getLogger(__name__)

_STALL_S: Final = 10.0
"""How long a block that ends waits for its sink without any progress."""

_LOOK_S: Final = 0.02
"""How often the end of the speech is looked for."""


_TRACK: Final = "translation"
_END_OF_SPEECH: Final = AudioDone(item_id=_TRACK, content_index=0)


class TranslationPlayback(SoundBlock):
    """Plays the translated speech for a block, in the order in which it comes.

    A block that ends normally waits until all speech that has come was heard; one that raises, or is cancelled, stops
    at once. What is still being translated comes after `finish`, so call that inside of the block. `await` plays to the
    end of the translation.
    """

    def __init__(self, translation: SpeechTranslation, sink: AudioSink | PullSink) -> None:
        super().__init__("translation.play(…)")
        self._translation = translation
        self._sink = sink
        self._player: Player | None = None
        self._ended_with: DuologueError | None = None

    @property
    def is_silent(self) -> bool:
        """Whether all speech that has come was heard."""
        return self._player is None or self._player.is_idle

    async def drain(self) -> None:
        """Wait until all speech that has come was heard. Gives up with a warning after ten seconds without progress."""
        loop = asyncio.get_running_loop()
        if self._player is not None:
            self._player.put(_END_OF_SPEECH)
        seen, since_s = self._waiting_s, loop.time()
        while not self.is_silent and self._task is not None and not self._task.done():
            await asyncio.sleep(_LOOK_S)
            if (now := self._waiting_s) != seen:
                seen, since_s = now, loop.time()
            elif loop.time() > since_s + _STALL_S:
                _logger.warning("the playback ends before its speech: nothing has happened for %g s", _STALL_S)
                return

    async def _drain(self) -> None:
        await self.drain()

    @property
    def _waiting_s(self) -> float:
        return self._player.waiting_s if self._player is not None else 0.0

    # --- what the translation tells

    def put(self, notice: object, /) -> None:
        """Take a notice or an event. Never raises."""
        assert self._player is not None
        if isinstance(notice, TranslatedAudio):
            # The speech of a session is one track: for the player, one part of one item.
            self._player.put(
                AudioDelta(
                    response_id="",
                    item_id=_TRACK,
                    content_index=0,
                    audio=notice.audio,
                    encoding=notice.encoding,
                )
            )

    def end(self, fault: DuologueError, /) -> None:
        """No more notices will come."""
        self._ended_with = fault
        if self._player is not None:
            self._player.end()

    # --- the task

    async def _hold(self, opened: Callable[[], None]) -> None:
        player = Player(self._sink, report=lambda part: None, received=lambda part: 0)
        async with closing_after(player.close):
            await player.open(PCM)
            self._player = player
            self._translation.attach(self)
            opened()
            try:
                await player.run()
                if self._ended_with is not None and not isinstance(self._ended_with, ConnectionClosedOK):
                    raise anew(self._ended_with)
            finally:
                self._translation.detach(self)
