"""What a Live session reports, for threads: streams and callbacks, with the types of what they get."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeVar, overload

from duologue.client.blocking.notice_delivery import BlockingNoticeDelivery
from duologue.client.blocking.streams import BlockingNoticeStream
from duologue.client.kinds import Kind
from duologue.client.live.control import LiveControl
from duologue.client.live.kinds import LiveKindFilter
from duologue.protocol.live.client.notices import LiveAudioPiece, LiveNotice, Utterance, UtteranceEnded

__all__ = ["BlockingLiveHub"]

L = TypeVar("L", bound=LiveControl)
"""The session on its event loop."""
N = TypeVar("N")
N2 = TypeVar("N2")
N3 = TypeVar("N3")
F = TypeVar("F", bound=Callable[..., object])


class BlockingLiveHub(BlockingNoticeDelivery[L]):
    """The part of a Live session that hands out its notices."""

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
        """Notices of these kinds, from the beginning of the block to the end of it or of the session.

        A kind is a class of `duologue.notices` or of the server's events in `duologue.events.live`, or the wire name of
        such an event. Events come as they are, each before the notices that it causes. Iterating waits for each of
        them, and raises TimeoutError when none comes within `timeout`.

        Raises:
            TypeError: a kind is none of these, or there is none.
            ValueError: no event of a Live server has this wire name.
        """
        return self._streaming(BlockingNoticeStream(LiveKindFilter(kinds), timeout=timeout))

    def __iter__(self) -> Iterator[LiveNotice]:
        """All notices, from the first `next` on, to the end of the session; `SessionEnded` is the last.

        Raises:
            SessionLost: the session broke off.
            StreamOverflow: the notices were not read for too long.
        """
        kinds = LiveKindFilter((LiveNotice,))  # type: ignore[arg-type]  # a union
        with self._streaming(BlockingNoticeStream[LiveNotice](kinds)) as notices:
            yield from notices

    def utterances(self, *, timeout: float | None = None) -> Iterator[Utterance]:
        """What the user and the model say, each utterance when it is over, from the first `next` on."""
        with self.stream(UtteranceEnded, timeout=timeout) as notices:
            for notice in notices:
                yield notice.utterance

    def audio(self, *, timeout: float | None = None) -> Iterator[LiveAudioPiece]:
        """Pieces of the model's sound, silence included, from the first `next` on."""
        with self.stream(LiveAudioPiece, timeout=timeout) as notices:
            yield from notices

    @overload
    def on(self, kind: type[N], callback: Callable[[N], object]) -> Callable[[], None]: ...

    @overload
    def on(self, kind: str, callback: Callable[[Any], object]) -> Callable[[], None]: ...

    @overload
    def on(self, kind: Kind) -> Callable[[F], F]: ...

    def on(self, kind: Kind, callback: Callable[[Any], object] | None = None) -> Any:
        """Call back for each notice or event of a kind, in order. Returns a function that ends this.

        A kind is what `stream` takes. Without a callback it decorates one: `@live.on(UtteranceEnded)`. All callbacks
        run in one thread of their own: one may block, and delays only the others. What a coroutine function does runs
        on the session's event loop, one call after another as well. A callback that raises is logged, and called again
        for the next notice.

        Raises:
            TypeError: the kind is none, or the callback cannot be called.
            ValueError: no event of a Live server has this wire name.
        """
        kinds = LiveKindFilter((kind,))
        if callback is not None:
            return self._call_back(kinds, callback)

        def decorate(function: F) -> F:
            self._call_back(kinds, function)
            return function

        return decorate
