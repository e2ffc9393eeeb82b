"""What a conversation reports, for threads: streams and callbacks of notices."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, TypeVar, overload

from duologue.client.asyncio.conversation import Conversation
from duologue.client.blocking.callbacks import Callbacks
from duologue.client.blocking.loop_thread import LoopThread
from duologue.client.blocking.streams import BlockingNoticeStream
from duologue.client.kinds import Kind, KindFilter
from duologue.events import RealtimeEvent, ReceivedEvent
from duologue.protocol.client.notices import AudioDelta, TextDelta

__all__ = ["BlockingNoticeHub"]

E = TypeVar("E", bound=ReceivedEvent)
"""A class of the server's events."""
N = TypeVar("N")
N2 = TypeVar("N2")
N3 = TypeVar("N3")


class BlockingNoticeHub:
    """The part of a conversation that hands out its notices."""

    def __init__(self, conversation: Conversation, loop: LoopThread[Conversation]) -> None:
        self._conversation = conversation
        self._loop = loop
        self._callbacks: Callbacks | None = None
        self._streams: dict[BlockingNoticeStream[Any], int] = {}
        """Streams that are open, with the threads that opened them."""

    @overload
    def stream(
        self, kind: type[E], /, *, timeout: float | None = None
    ) -> AbstractContextManager[BlockingNoticeStream[E]]: ...

    @overload
    def stream(
        self, kind: type[RealtimeEvent], /, *, timeout: float | None = None
    ) -> AbstractContextManager[BlockingNoticeStream[ReceivedEvent]]: ...

    @overload
    def stream(
        self, kind: type[N], /, *, timeout: float | None = None
    ) -> AbstractContextManager[BlockingNoticeStream[N]]: ...

    @overload
    def stream(
        self, kind: type[N], kind_2: type[N2], /, *, timeout: float | None = None
    ) -> AbstractContextManager[BlockingNoticeStream[N | N2]]: ...

    @overload
    def stream(
        self, kind: type[N], kind_2: type[N2], kind_3: type[N3], /, *, timeout: float | None = None
    ) -> AbstractContextManager[BlockingNoticeStream[N | N2 | N3]]: ...

    @overload
    def stream(
        self, *kinds: Kind, timeout: float | None = None
    ) -> AbstractContextManager[BlockingNoticeStream[Any]]: ...

    def stream(self, *kinds: Kind, timeout: float | None = None) -> AbstractContextManager[BlockingNoticeStream[Any]]:
        """Notices of these kinds, from the beginning of the block to the end of it or of the conversation.

        A kind is a class of `duologue.notices` or of the server's events, or the wire name of such an event, as in
        "response.done", in any dialect's spelling. Events come as they are, each before the notices that it causes.
        Iterating waits for each of them, and raises TimeoutError when none comes within `timeout`.

        Raises:
            TypeError: a kind is none of these, or there is none.
            ValueError: no event of a server has this wire name.
        """
        return self._streaming(BlockingNoticeStream(kinds, timeout=timeout))

    @contextmanager
    def _streaming(self, notices: BlockingNoticeStream[Any]) -> Generator[BlockingNoticeStream[Any], None, None]:
        self._loop.raise_fault()
        try:
            self._streams[notices] = threading.get_ident()
            self._loop.do(partial(self._conversation.attach, notices))
            yield notices
        finally:
            self._streams.pop(notices, None)
            # Without waiting: an iterator that was dropped is closed on whichever thread collects it.
            self._loop.post(partial(self._conversation.detach, notices))

    def texts(self, *, timeout: float | None = None) -> Iterator[TextDelta]:
        """Pieces of the model's text and transcripts, from the first `next` on."""
        with self.stream(TextDelta, timeout=timeout) as notices:
            yield from notices

    def audio(self, *, timeout: float | None = None) -> Iterator[AudioDelta]:
        """Pieces of the model's speech, from the first `next` on; `report_played` says what of it was played."""
        with self.stream(AudioDelta, timeout=timeout) as notices:
            yield from notices

    @overload
    def on(self, kind: type[E], callback: Callable[[E], object]) -> Callable[[], None]: ...

    @overload
    def on(self, kind: type[RealtimeEvent], callback: Callable[[ReceivedEvent], object]) -> Callable[[], None]: ...

    @overload
    def on(self, kind: type[N], callback: Callable[[N], object]) -> Callable[[], None]: ...

    @overload
    def on(self, kind: str, callback: Callable[[Any], object]) -> Callable[[], None]: ...

    def on(self, kind: Kind, callback: Callable[[Any], object]) -> Callable[[], None]:
        """Call back for each notice or event of a kind, in order. Returns a function that ends this.

        A kind is what `stream` takes. All callbacks run in one thread of their own: one may block, for an answer too,
        and delays only the others. What a coroutine function does runs on the conversation's event loop, one call after
        another as well. A callback that raises is logged, and called again for the next notice.

        Raises:
            TypeError: the kind is none, or the callback cannot be called.
            ValueError: no event of a server has this wire name.
        """
        kinds = KindFilter((kind,))
        if not callable(callback):
            raise TypeError(f"a callback is a function or a coroutine function, not {type(callback).__name__}")
        remove = self._loop.do(partial(self._add_callback, kinds, callback))
        return lambda: self._loop.do(remove)

    def _fail_thread(self, block: object, thread: int, fault: BaseException) -> None:
        """A sink or a source has failed: whatever its block waits for raises that. On the event loop."""
        self._loop.fail_thread(block, thread, fault)
        for notices, reader in list(self._streams.items()):
            if reader == thread and isinstance(fault, Exception):
                notices.end(fault)

    def _add_callback(self, kinds: KindFilter, callback: Callable[[Any], object]) -> Callable[[], None]:
        if self._callbacks is None:
            self._callbacks = Callbacks(self._loop)
            self._conversation.attach(self._callbacks)
        return self._callbacks.add(kinds, callback)
