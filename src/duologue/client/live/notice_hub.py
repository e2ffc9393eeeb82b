"""What a Live session reports, and to whom: streams and callbacks, with the types of what they get."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar, overload

from duologue.client.asyncio.notice_delivery import NoticeDelivery
from duologue.client.asyncio.streams import NoticeStream
from duologue.client.kinds import Kind
from duologue.client.live.kinds import LiveKindFilter
from duologue.protocol.live.client.notices import LiveAudioPiece, LiveNotice, Utterance, UtteranceEnded

__all__ = ["LiveNoticeHub"]

N = TypeVar("N")
N2 = TypeVar("N2")
N3 = TypeVar("N3")
F = TypeVar("F", bound=Callable[..., object])


class LiveNoticeHub(NoticeDelivery):
    """The part of a Live session that hands out its notices. Everything is called on the event loop."""

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
        """Notices of these kinds, from the beginning of the block to the end of it or of the session.

        A kind is a class of `duologue.notices` or of the server's events in `duologue.events.live`, or the wire name of
        such an event. Events come as they are, each before the notices that it causes.

        Raises:
            TypeError: a kind is none of these, or there is none.
            ValueError: no event of a Live server has this wire name.
        """
        return self._streaming(NoticeStream(LiveKindFilter(kinds)))

    async def __aiter__(self) -> AsyncIterator[LiveNotice]:
        """All notices, from the first `anext` on, to the end of the session; `SessionEnded` is the last.

        What came between the start and the first use of the session comes too. Cancelling loses nothing.

        Raises:
            SessionLost: the session broke off.
            StreamOverflow: the notices were not read for too long.
        """
        async with self._streaming(NoticeStream[LiveNotice](LiveKindFilter((LiveNotice,)))) as notices:  # type: ignore[arg-type]  # a union
            async for notice in notices:
                yield notice

    async def utterances(self) -> AsyncIterator[Utterance]:
        """What the user and the model say, each utterance when it is over, from the first `anext` on."""
        async with self.stream(UtteranceEnded) as notices:
            async for notice in notices:
                yield notice.utterance

    async def audio(self) -> AsyncIterator[LiveAudioPiece]:
        """Pieces of the model's sound, silence included, from the first `anext` on."""
        async with self.stream(LiveAudioPiece) as notices:
            async for notice in notices:
                yield notice

    @overload
    def on(self, kind: type[N], callback: Callable[[N], object]) -> Callable[[], None]: ...

    @overload
    def on(self, kind: str, callback: Callable[[Any], object]) -> Callable[[], None]: ...

    @overload
    def on(self, kind: Kind) -> Callable[[F], F]: ...

    def on(self, kind: Kind, callback: Callable[[Any], object] | None = None) -> Any:
        """Call back for each notice or event of a kind, on the event loop, in order. Returns a function that ends this.

        A kind is what `stream` takes. Without a callback it decorates one: `@live.on(UtteranceEnded)`. A function must
        not block. A coroutine function may wait: its calls run one after another beside the session, and end with it;
        when more of them wait than a stream may hold, it is called no more. A callback that raises is logged, and
        called again for the next notice.

        Raises:
            TypeError: the kind is none, or the callback cannot be called.
            ValueError: no event of a Live server has this wire name.
        """
        kinds = LiveKindFilter((kind,))
        if callback is not None:
            return self._add_callback(kinds, callback)

        def decorate(function: F) -> F:
            self._add_callback(kinds, function)
            return function

        return decorate
