"""What a conversation reports, and to whom: streams and callbacks, with the types of what they get."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar, overload

from duologue.client.asyncio.notice_delivery import NoticeDelivery
from duologue.client.asyncio.streams import NoticeStream
from duologue.client.kinds import Kind, KindFilter
from duologue.events import RealtimeEvent, ReceivedEvent
from duologue.protocol.client.notices import AudioDelta, TextDelta

__all__ = ["NoticeHub"]

E = TypeVar("E", bound=ReceivedEvent)
"""A class of the server's events."""
N = TypeVar("N")
N2 = TypeVar("N2")
N3 = TypeVar("N3")


class NoticeHub(NoticeDelivery):
    """The part of a conversation that hands out its notices. Everything is called on the event loop."""

    @overload
    def stream(self, kind: type[E], /) -> AbstractAsyncContextManager[NoticeStream[E]]: ...

    @overload
    def stream(self, kind: type[RealtimeEvent], /) -> AbstractAsyncContextManager[NoticeStream[ReceivedEvent]]: ...

    @overload
    def stream(self, kind: type[N], /) -> AbstractAsyncContextManager[NoticeStream[N]]: ...

    @overload
    def stream(self, kind: type[N], kind_2: type[N2], /) -> AbstractAsyncContextManager[NoticeStream[N | N2]]: ...

    @overload
    def stream(
        self, kind: type[N], kind_2: type[N2], kind_3: type[N3], /
    ) -> AbstractAsyncContextManager[NoticeStream[N | N2 | N3]]: ...

    @overload
    def stream(self, *kinds: Kind) -> AbstractAsyncContextManager[NoticeStream[Any]]: ...

    def stream(self, *kinds: Kind) -> AbstractAsyncContextManager[NoticeStream[Any]]:
        """Notices of these kinds, from the beginning of the block to the end of it or of the conversation.

        A kind is a class of `duologue.notices` or of the server's events, or the wire name of such an event, as in
        "response.done", in any dialect's spelling. Events come as they are, each before the notices that it causes.

        >>> import asyncio
        >>> from duologue import converse, notices
        >>> async def main() -> None:
        ...     async with converse(url) as conversation, conversation.stream(notices.ResponseFinished) as ended:
        ...         await conversation.send_text("Hello.")
        ...         await conversation.respond()
        ...         async for notice in ended:
        ...             print(notice.event.response.status)
        ...             break
        >>> asyncio.run(main())
        completed

        Raises:
            TypeError: a kind is none of these, or there is none.
            ValueError: no event of a server has this wire name.
        """
        return self._streaming(NoticeStream(kinds))

    async def texts(self) -> AsyncIterator[TextDelta]:
        """Pieces of the model's text and transcripts, from the first `anext` on."""
        async with self.stream(TextDelta) as notices:
            async for notice in notices:
                yield notice

    async def audio(self) -> AsyncIterator[AudioDelta]:
        """Pieces of the model's speech, from the first `anext` on; `report_played` says what of it was played."""
        async with self.stream(AudioDelta) as notices:
            async for notice in notices:
                yield notice

    @overload
    def on(self, kind: type[E], callback: Callable[[E], object]) -> Callable[[], None]: ...

    @overload
    def on(self, kind: type[RealtimeEvent], callback: Callable[[ReceivedEvent], object]) -> Callable[[], None]: ...

    @overload
    def on(self, kind: type[N], callback: Callable[[N], object]) -> Callable[[], None]: ...

    @overload
    def on(self, kind: str, callback: Callable[[Any], object]) -> Callable[[], None]: ...

    def on(self, kind: Kind, callback: Callable[[Any], object]) -> Callable[[], None]:
        """Call back for each notice or event of a kind, on the event loop, in order. Returns a function that ends this.

        A kind is what `stream` takes. A function must not block. A coroutine function may wait: its calls run one after
        another beside the conversation, and end with it; when more of them wait than a stream may hold, it is called no
        more. A callback that raises is logged, and called again for the next notice.

        Raises:
            TypeError: the kind is none, or the callback cannot be called.
            ValueError: no event of a server has this wire name.
        """
        return self._add_callback(KindFilter((kind,)), callback)
