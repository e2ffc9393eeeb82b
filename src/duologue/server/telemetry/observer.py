"""Observers of sessions: the protocols, and several observers as one."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Literal, Protocol, TypeAlias

from duologue.events import ServerEvent, TranslationServerEvent
from duologue.events.live import LiveEvent

__all__ = [
    "UNOBSERVED",
    "NullSessionObserver",
    "ObservedEvent",
    "Observer",
    "Observers",
    "SessionObserver",
    "Stage",
    "Work",
]

ObservedEvent: TypeAlias = ServerEvent | LiveEvent | TranslationServerEvent
"""What a server sends, in any kind of session."""

Stage: TypeAlias = Literal["transcribe", "respond", "translate", "synthesize", "mcp"]
"""The kind of an engine's call; a call of an MCP server's tool counts as one."""

Work: TypeAlias = Literal["session", "transcription", "response", "translation"]
"""Work that may contain calls of engines."""


class SessionObserver(Protocol):
    """Observes one session. Its methods are called on the event loop: they must return at once and raise nothing."""

    def received(self, n_bytes: int, input_ms: int) -> None:
        """A message of `n_bytes` has arrived; `input_ms` is the length of all input audio so far."""
        ...

    def sent(self, event: ObservedEvent, n_bytes: int) -> None:
        """An event of `n_bytes` has been queued for the client."""
        ...

    def spoke(self, audio_s: float) -> None:
        """So many seconds of speech were synthesized for the client."""
        ...

    def illegal_transition(self, table: str) -> None:
        """A state table of the protocol has no such transition: a fault of this library."""
        ...

    def work(self, kind: Work, work_id: str) -> AbstractContextManager[object]:
        """A context around the work; it is entered and left in the same task."""
        ...

    def engine_call(self, stage: Stage) -> AbstractContextManager[object]:
        """A context around the call, which may raise. It may be left in another `contextvars` context than entered.

        What it yields is None, or a span of OpenTelemetry that requests of the engine belong to.
        """
        ...

    def closed(self, code: int) -> None:
        """The session is over; `code` is the WebSocket close code."""
        ...


class Observer(Protocol):
    """Observes all sessions of a server."""

    def opened(self, session_id: str, *, kind: str) -> SessionObserver:
        """A session begins; returns its observer."""
        ...

    def turned_away(self, reason: str) -> None:
        """A client was rejected, or a limit has ended its connection; `reason` is a name from `REJECTIONS`."""
        ...


class Observers:
    """Combines several observers of a server."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = tuple(observers)

    def opened(self, session_id: str, *, kind: str) -> SessionObserver:
        """Opens the session for all of them."""
        opened = (each.opened(session_id, kind=kind) for each in self._observers)
        observers = tuple(each for each in opened if each is not UNOBSERVED)
        if len(observers) < 2:  # the usual case, for which each message would make two calls of one
            return observers[0] if observers else UNOBSERVED
        return _Together(observers)

    def turned_away(self, reason: str) -> None:
        """Reports the rejection to all of them."""
        for each in self._observers:
            each.turned_away(reason)


class _Together:
    """Of what comes with each message, only those observers are told that do something."""

    __slots__ = ("_engine_calls", "_observers", "_received", "_sent", "_spoke", "_work")

    def __init__(self, observers: tuple[SessionObserver, ...]) -> None:
        self._observers = observers
        self._received = tuple(each.received for each in observers if _has(each, "received"))
        self._sent = tuple(each.sent for each in observers if _has(each, "sent"))
        self._spoke = tuple(each.spoke for each in observers if _has(each, "spoke"))
        self._work = tuple(each.work for each in observers if _has(each, "work"))
        self._engine_calls = tuple(each.engine_call for each in observers if _has(each, "engine_call"))

    def received(self, n_bytes: int, input_ms: int) -> None:
        for received in self._received:
            received(n_bytes, input_ms)

    def sent(self, event: ObservedEvent, n_bytes: int) -> None:
        for sent in self._sent:
            sent(event, n_bytes)

    def spoke(self, audio_s: float) -> None:
        for spoke in self._spoke:
            spoke(audio_s)

    def illegal_transition(self, table: str) -> None:
        for each in self._observers:
            each.illegal_transition(table)

    def work(self, kind: Work, work_id: str) -> AbstractContextManager[object]:
        return _around([work(kind, work_id) for work in self._work])

    def engine_call(self, stage: Stage) -> AbstractContextManager[object]:
        return _around([engine_call(stage) for engine_call in self._engine_calls])

    def closed(self, code: int) -> None:
        for each in self._observers:
            each.closed(code)


def _has(observer: SessionObserver, method: str) -> bool:
    """Whether an observer has a method of its own, instead of one that does nothing."""
    return getattr(type(observer), method) is not getattr(NullSessionObserver, method)


def _around(contexts: list[AbstractContextManager[object]]) -> AbstractContextManager[object]:
    """All of these; yields the first value that is not None."""
    if len(contexts) == 1:
        return contexts[0]
    return _all_around(contexts) if contexts else nullcontext()


@contextmanager
def _all_around(contexts: list[AbstractContextManager[object]]) -> Generator[object, None, None]:
    with ExitStack() as all_of_them:
        yielded = [all_of_them.enter_context(each) for each in contexts]
        yield next((each for each in yielded if each is not None), None)


class NullSessionObserver:
    """Does nothing: a base for observers of some events only."""

    __slots__ = ()

    def received(self, n_bytes: int, input_ms: int) -> None: ...
    def sent(self, event: ObservedEvent, n_bytes: int) -> None: ...
    def spoke(self, audio_s: float) -> None: ...
    def illegal_transition(self, table: str) -> None: ...
    def closed(self, code: int) -> None: ...

    def work(self, kind: Work, work_id: str) -> AbstractContextManager[object]:
        return nullcontext()

    def engine_call(self, stage: Stage) -> AbstractContextManager[object]:
        return nullcontext()


UNOBSERVED: SessionObserver = NullSessionObserver()
"""For sessions without an observer."""
