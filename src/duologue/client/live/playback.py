"""The sound of a Live session on a sink: what `play` returns."""

from __future__ import annotations

import array
import asyncio
import logging
import sys
from collections.abc import Callable, Collection, Mapping
from math import inf
from typing import TYPE_CHECKING, Final

from duologue.audio.formats import Encoding
from duologue.audio.pacing import silence
from duologue.client.sound.blocks import SoundBlock, closing_after
from duologue.client.sound.loudspeaker import PullSink
from duologue.client.sound.playback import AnySink
from duologue.client.sound.player import Player
from duologue.client.sound.sinks import AudioSink, sink_of
from duologue.errors import ConnectionClosedOK, DuologueError
from duologue.events.live import LiveInputTranscriptDeltaEvent, LiveOutputTranscriptDeltaEvent, UnknownLiveEvent
from duologue.protocol.client.notices import AudioDelta, Interrupted
from duologue.protocol.client.playback import Interruption
from duologue.protocol.live.client.notices import LiveAudioPiece
from duologue.tracebacks import anew

if TYPE_CHECKING:
    from duologue.client.live.control import LiveControl

__all__ = ["MAX_AHEAD_S", "LivePlayback", "is_quiet"]

_logger = logging.getLogger(__name__)

MAX_AHEAD_S: Final = 0.4
"""How much may wait to be played before silence is left out: the server sends in real time, so what waits is only what
came in a burst, and every further word would be heard that much later."""

_MAX_GAP_MS: Final = 600_000
"""The longest silence that a file gets for pieces that the server left out."""

_GAP_PIECE_MS: Final = 1000

_QUIET_S: Final = 1.0
"""Silence for so long is the end of what the model says: its words lead their sound by less."""

_ANSWER_S: Final = 5.0
"""How long after the user's words an answer may begin."""

_STALL_S: Final = 10.0
"""How long a block that ends waits without any progress."""

_WORDLESS_S: Final = 30.0
"""How long such a block waits while the model makes a sound, but says no words: a line with noise is never silent."""

_QUIET_PEAK: Final = 64
"""Of 32,768: -54 dB. Servers that do not send exact zeros send noise of some units."""

_QUIET_G711: Final[Mapping[str, bytes]] = {
    "audio/pcmu": bytes([*range(0x78, 0x80), *range(0xF8, 0x100)]),
    "audio/pcma": bytes([*range(0x54, 0x58), *range(0xD4, 0xD8)]),
}
"""The samples of G.711 that are no louder than `_QUIET_PEAK`: the eight and four smallest of either sign."""

_DROP: Final = Interrupted(Interruption(truncate=None, cut=()))
"""To the player: what waits is not to be played."""

_LOOK_S: Final = 0.02
"""How often the end of the speech is looked for."""


class LivePlayback(SoundBlock):
    """Plays the model's sound for a block, in the order in which it comes.

    The server sends in real time, so little waits to be played, and nothing is dropped when the user speaks: the model
    falls silent by itself. A sink that is late catches up by leaving out silence. What the server leaves out is silence
    in a file. What a vendor sends faster than it plays, and takes back by an event of its own, is not played.

    A block that ends normally waits until the model has finished what it is about to say, and sends silence meanwhile
    where the application sends no audio; one that raises, or is cancelled, stops at once. `await` plays to the end of
    the session.
    """

    def __init__(self, live: LiveControl, sink: AnySink, *, drops_output: Collection[str] = ()) -> None:
        """`drops_output` are the server's own events after which sound that waits is not to be played."""
        super().__init__("live.play(…)")
        self._live = live
        self._sink: AudioSink | PullSink = sink if isinstance(sink, PullSink) else sink_of(sink)
        self._drops_output = drops_output
        self._player: Player | None = None
        self._words_at_s = -inf
        """When the last words of the model came."""
        self._spoke_at_s = -inf
        """When what the model last said is heard, by its sound or its words."""
        self._answer_due_s = -inf
        """Until when an answer to what the user has said may begin."""
        self._ended_with: DuologueError | None = None
        self._n_noticed = 0

    @property
    def is_silent(self) -> bool:
        """Whether the model says nothing, and is about to say nothing, as far as that can be known."""
        now = asyncio.get_running_loop().time()
        if self._ended_with is not None:
            return self._player is None or self._player.is_idle
        waits = max(self._spoke_at_s + _QUIET_S, self._answer_due_s)
        return waits <= now and not self._live.is_working

    async def drain(self) -> None:
        """Wait until the model is silent: it has nothing more to say, and all that it said was heard.

        Gives up with a warning in the log when nothing happens for ten seconds, or when sound comes for half a minute
        and no words do.
        """
        now = asyncio.get_running_loop().time
        seen, since_s, began_s = self._progress, now(), now()
        while not self.is_silent and self._task is not None and not self._task.done():
            await asyncio.sleep(_LOOK_S)
            if self._live.is_working or self._waiting_s > MAX_AHEAD_S:
                began_s = now()
            if self._progress != seen:
                seen, since_s = self._progress, now()
            if now() > since_s + _STALL_S:
                _logger.warning("the playback ends before its speech: nothing has happened for %g s", _STALL_S)
                return
            if now() > max(began_s, self._words_at_s) + _WORDLESS_S:
                _logger.warning("the playback ends: sound without words has come for %g s", _WORDLESS_S)
                return

    @property
    def _progress(self) -> tuple[int, float]:
        return self._n_noticed, self._waiting_s

    @property
    def _waiting_s(self) -> float:
        return self._player.waiting_s if self._player is not None else 0.0

    async def _drain(self) -> None:
        with self._live.silence_filled():  # behind a file: without audio no answer would come
            await self.drain()

    # --- what the session tells

    def put(self, notice: object, /) -> None:
        """Take a notice or an event. Never raises."""
        self._n_noticed += 1
        match notice:
            case LiveAudioPiece():
                self._sound(notice)
            case LiveOutputTranscriptDeltaEvent():
                self._words_at_s = asyncio.get_running_loop().time()
                self._spoke_at_s = max(self._spoke_at_s, self._words_at_s)
                self._answer_due_s = -inf
            case LiveInputTranscriptDeltaEvent():
                self._answer_due_s = asyncio.get_running_loop().time() + _ANSWER_S
            case UnknownLiveEvent() if notice.wire_type in self._drops_output and self._is_paced:
                assert self._player is not None
                self._player.put(_DROP)
                self._spoke_at_s = -inf
            case _:
                pass  # says nothing about sound

    def end(self, fault: DuologueError, /) -> None:
        """No more notices will come."""
        self._ended_with = fault
        if self._player is not None:
            self._player.end()

    def _sound(self, piece: LiveAudioPiece) -> None:
        assert self._player is not None
        is_silence = is_quiet(piece)
        if self._is_paced:
            if is_silence and self._player.waiting_s > MAX_AHEAD_S:
                return
        else:
            self._fill(min(piece.gap_ms, _MAX_GAP_MS), piece.encoding)
        self._play(piece.audio, piece.encoding)
        if not is_silence:
            heard_in_s = self._player.waiting_s if self._is_paced else 0.0
            self._spoke_at_s = asyncio.get_running_loop().time() + heard_in_s

    def _fill(self, gap_ms: int, encoding: Encoding) -> None:
        while gap_ms > 0:
            piece_ms = min(gap_ms, _GAP_PIECE_MS)
            self._play(silence(encoding, encoding.bytes_for_ms(piece_ms)), encoding)
            gap_ms -= piece_ms

    def _play(self, audio: bytes, encoding: Encoding) -> None:
        assert self._player is not None
        # The sound of a session is one track: for the player, one part of one item.
        self._player.put(AudioDelta(response_id="", item_id="live", content_index=0, audio=audio, encoding=encoding))

    @property
    def _is_paced(self) -> bool:
        return not isinstance(self._sink, AudioSink) or self._sink.paced

    # --- the task

    async def _hold(self, opened: Callable[[], None]) -> None:
        player = Player(self._sink, report=lambda part: None, received=lambda part: 0)
        async with closing_after(player.close):
            await player.open(self._live.core.output_encoding)
            self._player = player
            self._live.attach(self)
            opened()
            try:
                await player.run()
                if self._ended_with is not None and not isinstance(self._ended_with, ConnectionClosedOK):
                    raise anew(self._ended_with)
            finally:
                self._live.detach(self)


def is_quiet(piece: LiveAudioPiece) -> bool:
    """Whether a piece is silence, exact or with some noise in it."""
    if (quiet := _QUIET_G711.get(piece.encoding.type)) is not None:
        return not piece.audio.strip(quiet)
    if not piece.audio.strip(b"\0"):
        return True
    samples = array.array("h", piece.audio)
    if sys.byteorder == "big":
        samples.byteswap()
    return max(samples) <= _QUIET_PEAK and min(samples) >= -_QUIET_PEAK
