"""What a translation reports, and to whom: streams and callbacks, with the types of what they get."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar, overload

from duologue.client.asyncio.notice_delivery import NoticeDelivery
from duologue.client.asyncio.streams import NoticeStream
from duologue.client.kinds import Kind
from duologue.client.translation.kinds import TranslationKindFilter
from duologue.protocol.translation.client.notices import TranslatedAudio, TranslationLine, TranslationNotice

__all__ = ["TranslationNoticeHub"]

N = TypeVar("N")
N2 = TypeVar("N2")
N3 = TypeVar("N3")


class TranslationNoticeHub(NoticeDelivery):
    """The part of a translation that hands out its notices. Everything is called on the event loop."""

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
        """Notices of these kinds, from the beginning of the block to the end of it or of the translation.

        A kind is a class of `duologue.notices` or of the server's events, or the wire name of such an event. Events
        come as they are, each before the notices that it causes.

        Raises:
            TypeError: a kind is none of these, or there is none.
            ValueError: no event of a translation server has this wire name.
        """
        return self._streaming(NoticeStream(TranslationKindFilter(kinds)))

    async def __aiter__(self) -> AsyncIterator[TranslationNotice]:
        """All notices, from the first `anext` on, to the end; `TranslationEnded` is the last.

        Cancelling loses nothing.

        Raises:
            ConnectionClosed: the connection was lost.
            StreamOverflow: the notices were not read for too long.
        """
        kinds = TranslationKindFilter((TranslationNotice,))  # type: ignore[arg-type]  # a union
        async with self._streaming(NoticeStream[TranslationNotice](kinds)) as notices:
            async for notice in notices:
                yield notice

    async def lines(self) -> AsyncIterator[TranslationLine]:
        """What is said and its translation, line by line, from the first `anext` on."""
        async with self.stream(TranslationLine) as notices:
            async for notice in notices:
                yield notice

    async def audio(self) -> AsyncIterator[TranslatedAudio]:
        """Pieces of the translated speech, from the first `anext` on."""
        async with self.stream(TranslatedAudio) as notices:
            async for notice in notices:
                yield notice

    @overload
    def on(self, kind: type[N], callback: Callable[[N], object]) -> Callable[[], None]: ...

    @overload
    def on(self, kind: str, callback: Callable[[Any], object]) -> Callable[[], None]: ...

    def on(self, kind: Kind, callback: Callable[[Any], object]) -> Callable[[], None]:
        """Call back for each notice or event of a kind, on the event loop, in order. Returns a function that ends this.

        A kind is what `stream` takes. A function must not block. A coroutine function may wait: its calls run one after
        another beside the translation, and end with it; when more of them wait than a stream may hold, it is called no
        more. A callback that raises is logged, and called again for the next notice.

        Raises:
            TypeError: the kind is none, or the callback cannot be called.
            ValueError: no event of a translation server has this wire name.
        """
        return self._add_callback(TranslationKindFilter((kind,)), callback)
