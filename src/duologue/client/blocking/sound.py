"""Sound of a blocking conversation: `with conversation.play(sink):`, `with conversation.listen(source):`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from duologue.client.blocking.loop_thread import LoopThread
from duologue.client.sound.blocks import SoundBlock
from duologue.client.sound.playback import Playback
from duologue.errors import ConnectionClosedOK

if TYPE_CHECKING:
    from duologue.client.live.playback import LivePlayback
    from duologue.client.translation.playback import TranslationPlayback

__all__ = ["BlockingListening", "BlockingPlayback", "BlockingSoundBlock", "Failed"]

_logger = logging.getLogger(__name__)

Failed: TypeAlias = Callable[[object, int, BaseException], None]
"""Called on the event loop with a block, the thread that is in it, and the fault of what runs beside it."""

B = TypeVar("B", bound="BlockingSoundBlock")


class BlockingSoundBlock:
    """Runs beside a `with` block on the conversation's event loop, and stops at its end.

    A fault of the sink or the source ends the block: what its thread waits for in this conversation raises it, and so
    does the end of the block.
    """

    def __init__(self, block: SoundBlock, loop: LoopThread[Any], *, failed: Failed) -> None:
        self._block = block
        self._loop = loop
        self._failed = failed

    def wait(self, *, timeout: float | None = None) -> None:
        """Wait for the end: of the source, or of the conversation. Outside of a `with` block, run to it.

        Raises:
            TimeoutError: it is not over in time; in a block it goes on.
        """
        run = self._block.wait if self._block.is_entered else self._block.run_to_end
        self._loop.call(run, timeout, late="the sound is not over")

    def stop(self, *, timeout: float | None = None) -> None:
        """End it at once, inside of its block too, and wait until the sink or the source is closed."""
        self._loop.call(self._block.stop, timeout, late="the sound has not stopped", is_cleanup=True)

    def __enter__(self: B) -> B:
        failed = partial(self._failed, self, threading.get_ident())
        self._loop.call(partial(self._block.start, failed=failed))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.forgive_thread(self)
        with suppress(ConnectionClosedOK):  # the event loop is over, and has ended the block
            self._loop.call(partial(self._block.stop, drain=kind is None), is_cleanup=True)
        fault = self._block.fault
        if fault is None or fault is raised:
            return
        if raised is not None:
            _logger.error("the sound failed, and so did its block", exc_info=fault)
            return
        try:
            raise fault
        finally:
            del fault


class BlockingListening(BlockingSoundBlock):
    """A source's audio into a conversation: what `listen` returns."""


class BlockingPlayback(BlockingSoundBlock):
    """A conversation's speech on a sink: what `play` returns.

    A block that ends normally waits until the model has finished what it is about to say, and all of it was heard; one
    that raises stops at once.
    """

    def __init__(
        self, playback: Playback | LivePlayback | TranslationPlayback, loop: LoopThread[Any], *, failed: Failed
    ) -> None:
        super().__init__(playback, loop, failed=failed)
        self._playback = playback

    def drain(self, *, timeout: float | None = None) -> None:
        """Wait until the model is silent: it has nothing more to say, and all that it said was heard."""
        self._loop.call(self._playback.drain, timeout, late="the model is not silent")

    @property
    def is_silent(self) -> bool:
        """Whether all speech that has come was heard or dropped, and the model is about to say nothing more."""
        return self._loop.do(lambda: self._playback.is_silent)
