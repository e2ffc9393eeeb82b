"""A conversation's speech on a sink: what `play` returns."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Final, TypeAlias

from duologue.client.sound.blocks import SoundBlock, closing_after
from duologue.client.sound.loudspeaker import PullSink
from duologue.client.sound.player import Player
from duologue.client.sound.playout import ItemPart
from duologue.client.sound.sinks import AudioSink, SinkLike, sink_of
from duologue.errors import ConnectionClosedOK, DuologueError
from duologue.events import RealtimeSession, SemanticVad, ServerVad, is_set
from duologue.protocol.client.notices import ResponseStarted, SpeechStarted, SpeechStopped
from duologue.tracebacks import anew

if TYPE_CHECKING:
    from duologue.client.asyncio.conversation import Conversation

__all__ = ["AnySink", "Playback"]

_logger = logging.getLogger(__name__)

AnySink: TypeAlias = SinkLike | PullSink
"""What `play` takes."""

_ANSWER_S: Final = 5.0
"""How long after the user's speech an answer may begin: transcribing takes a second or two on a slow machine."""

_STALL_S: Final = 10.0
"""How long a block that ends waits for speech, or for its sink, without any progress."""

_LOOK_S: Final = 0.02
"""How often the end of the speech is looked for."""


class Playback(SoundBlock):
    """Plays the model's speech for a block, drops it when the user interrupts, and reports what was heard.

    A block that ends normally waits until the model has finished what it is about to say, and all of it was heard; one
    that raises, or is cancelled, stops at once. `await` plays to the end of the conversation.
    """

    def __init__(self, conversation: Conversation, sink: AnySink) -> None:
        super().__init__("conversation.play(…)")
        self._conversation = conversation
        self._sink: AudioSink | PullSink = sink if isinstance(sink, PullSink) else sink_of(sink)
        self._player: Player | None = None
        self._answer_due_s = -inf
        """Until when an answer to what the user has said may begin."""
        self._ended_with: DuologueError | None = None
        self._n_noticed = 0

    @property
    def is_silent(self) -> bool:
        """Whether all speech that has come was heard or dropped, and the model is about to say nothing more."""
        core = self._conversation.core
        return (
            (self._player is None or self._player.is_idle)
            and core.says_nothing_more
            and (self._ended_with is not None or self._answer_due_s <= asyncio.get_running_loop().time())
        )

    async def drain(self) -> None:
        """Wait until the model is silent: it has nothing more to say, and all that it said was heard.

        Gives up with a warning in the log when nothing happens for ten seconds.
        """
        loop = asyncio.get_running_loop()
        seen, since_s = self._progress(), loop.time()
        while not self.is_silent and self._task is not None and not self._task.done():
            await asyncio.sleep(_LOOK_S)
            if (now := self._progress()) != seen:
                seen, since_s = now, loop.time()
            elif loop.time() > since_s + _STALL_S:
                _logger.warning("the playback ends before its speech: nothing has happened for %g s", _STALL_S)
                return

    async def _drain(self) -> None:
        await self.drain()

    # --- what the conversation tells

    def put(self, notice: object, /) -> None:
        """Take a notice or an event. Never raises."""
        assert self._player is not None
        self._n_noticed += 1
        match notice:
            case SpeechStarted() | SpeechStopped() if _answers(self._conversation):
                self._answer_due_s = asyncio.get_running_loop().time() + _ANSWER_S
            case ResponseStarted():
                self._answer_due_s = -inf
            case _:
                pass  # says nothing about the answer to come
        self._player.put(notice)

    def end(self, fault: DuologueError, /) -> None:
        """No more notices will come."""
        assert self._player is not None
        self._ended_with = fault
        self._player.end()

    # --- what the conversation asks

    def report_now(self) -> bool:
        """Report what was heard by now; returns whether there is more to be heard."""
        return self._player is not None and self._player.report_now()

    def heard_ms(self, item_id: str, content_index: int = 0) -> int | None:
        """How much of an answer the user has heard on this sink, in milliseconds from its beginning, rounded down.

        What was heard by now, also after an interruption and after the block. With a sink that cannot drop, the 20 ms
        that it held at the interruption are heard behind the cut. None: nothing of the item came to this sink.
        """
        self.report_now()
        return self._player.heard_ms(ItemPart(item_id, content_index)) if self._player is not None else None

    def _position(self, part: ItemPart) -> int | None:
        """How much of a part was heard, in bytes of the wire; None if it did not come here."""
        return self._player.position(part) if self._player is not None else None

    # --- the task

    async def _hold(self, opened: Callable[[], None]) -> None:
        core = self._conversation.core
        me = weakref.proxy(self)  # this object keeps the player
        player = Player(self._sink, report=lambda part: me._report(part), received=lambda part: me._received(part))
        async with closing_after(player.close):
            await player.open(core.output_audio.encoding)
            self._player = player
            core.players.append(self)
            self._conversation.attach(self)
            opened()
            try:
                await player.run()
                if self._ended_with is not None and not isinstance(self._ended_with, ConnectionClosedOK):
                    raise anew(self._ended_with)
            finally:
                core.players.remove(self)
                self._conversation.detach(self)

    def _report(self, part: ItemPart) -> None:
        """With several sinks, the slowest counts: beside a loudspeaker there may be a file that has all at once."""
        others = (each for each in self._conversation.core.players if isinstance(each, Playback))
        heard = [position for each in others if (position := each._position(part)) is not None]
        if heard:
            ledger = self._conversation.core.output_audio.playback
            ledger.played_to(part.item_id, part.content_index, n_bytes=min(heard))

    def _received(self, part: ItemPart) -> int:
        return self._conversation.core.output_audio.playback.received_bytes(part.item_id, part.content_index)

    def _progress(self) -> tuple[float, int]:
        return (self._player.waiting_s if self._player is not None else 0.0), self._n_noticed


def _answers(conversation: Conversation) -> bool:
    """Whether the server answers by itself what the user says."""
    session = conversation.session
    if not isinstance(session, RealtimeSession) or not is_set(session.audio) or not is_set(session.audio.input):
        return True
    detection = session.audio.input.turn_detection
    return not (isinstance(detection, ServerVad | SemanticVad) and detection.create_response is False)
