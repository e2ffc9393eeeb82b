"""What a conversation reports, for threads: streams and callbacks, with the types of what they get."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeVar, overload

from duologue.client.asyncio.conversation import Conversation
from duologue.client.blocking.notice_delivery import BlockingNoticeDelivery
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


class BlockingNoticeHub(BlockingNoticeDelivery[Conversation]):
    """The part of a conversation that hands out its notices."""

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
        return self._call_back(KindFilter((kind,)), callback)
