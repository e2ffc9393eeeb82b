"""OpenTelemetry traces: a span for each session, response, transcription and engine call, without content."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from duologue.events import ErrorEvent, ResponseDoneEvent, TranslationErrorEvent
from duologue.events.live import LiveErrorEvent
from duologue.server.telemetry.observer import (
    UNOBSERVED,
    NullSessionObserver,
    ObservedEvent,
    SessionObserver,
    Stage,
    Work,
)

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer, TracerProvider

__all__ = ["Traces", "in_call", "traces"]

_SCOPE: Final = "duologue.server"

_REPORTED: Final = frozenset({ErrorEvent, LiveErrorEvent, ResponseDoneEvent, TranslationErrorEvent})
"""Events that are recorded on spans."""


def traces(provider: TracerProvider | None = None) -> Traces | None:
    """An observer that makes spans, with this provider or the process's; None if the API is not installed."""
    try:
        from opentelemetry.trace import get_tracer
    except ImportError:
        return None
    return Traces(get_tracer(_SCOPE, tracer_provider=provider), own=provider is not None)


def in_call(span: object) -> AbstractContextManager[object]:
    """Make what `SessionObserver.engine_call` has yielded the current span of a block, if it is one: requests of the
    engine belong to it then. The block is entered and left in one step of a task."""
    if span is None:
        return nullcontext()
    from opentelemetry.trace import Span, use_span

    if not isinstance(span, Span):
        return nullcontext()
    return use_span(span, record_exception=False, set_status_on_exception=False)


class Traces:
    """Spans of all sessions. It makes none until the process has set up an SDK: they would be dropped."""

    def __init__(self, tracer: Tracer, *, own: bool) -> None:
        """`own`: the tracer comes from the application's provider, not from the process's."""
        self._tracer = tracer
        self._own = own

    def opened(self, session_id: str, *, kind: str) -> SessionObserver:
        """Spans of one session."""
        from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider

        if not self._own and isinstance(get_tracer_provider(), ProxyTracerProvider):
            return UNOBSERVED
        return _Session(self._tracer, session_id, kind)

    def turned_away(self, reason: str) -> None:
        """Makes no span."""


class _Session(NullSessionObserver):
    __slots__ = ("_kind", "_session_id", "_tracer")

    def __init__(self, tracer: Tracer, session_id: str, kind: str) -> None:
        self._tracer = tracer
        self._session_id = session_id
        self._kind = kind

    def sent(self, event: ObservedEvent, n_bytes: int) -> None:
        """Records errors and the status of responses on the current span."""
        if type(event) in _REPORTED:
            from opentelemetry.trace import get_current_span

            if isinstance(event, ErrorEvent | LiveErrorEvent | TranslationErrorEvent):
                get_current_span().add_event("error", {"duologue.code": str(event.error.code or event.error.type)})
            elif isinstance(event, ResponseDoneEvent):
                status = {"duologue.response.id": str(event.response.id), "duologue.status": str(event.response.status)}
                get_current_span().add_event("response.done", status)

    def work(self, kind: Work, work_id: str) -> AbstractContextManager[object]:
        """A span that is the parent of all spans inside it."""
        attributes = {"duologue.session.id": self._session_id, f"duologue.{kind}.id": work_id}
        if kind == "session":
            attributes["duologue.kind"] = self._kind
        from opentelemetry.trace import SpanKind

        # Without the exception: its message may quote the conversation.
        return self._tracer.start_as_current_span(
            kind,
            kind=SpanKind.SERVER if kind == "session" else SpanKind.INTERNAL,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        )

    @contextmanager
    def engine_call(self, stage: Stage) -> Generator[Span, None, None]:
        """A span that is not made current, see `in_call`: async generators resume in other contexts."""
        from opentelemetry.trace import StatusCode

        span = self._tracer.start_span(stage, attributes={"duologue.session.id": self._session_id})
        try:
            yield span
        except Exception as fault:
            # Only the class: the message may quote the conversation.
            span.set_status(StatusCode.ERROR, type(fault).__name__)
            raise
        finally:
            span.end()
