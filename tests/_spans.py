"""Spans that the SDK's own exporter has kept in memory."""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_span_id, format_trace_id

__all__ = ["Spans", "span_id"]


class Spans:
    """A provider of tracers, and the spans that ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self.provider.get_tracer("tests")

    @property
    def ended(self) -> list[ReadableSpan]:
        """In the order in which they ended."""
        return list(self._exporter.get_finished_spans())

    @property
    def tree(self) -> dict[str, str | None]:
        """By the name of each span, with the kind of its session, the name of its parent; None: not one of these."""
        ids = {span_id(span): _name(span) for span in self.ended}
        return {
            _name(span): None if span.parent is None else ids.get(format_span_id(span.parent.span_id))
            for span in self.ended
        }

    @property
    def trace_ids(self) -> set[str]:
        """Of all spans."""
        return {format_trace_id(span.context.trace_id) for span in self.ended if span.context is not None}

    def named(self, name: str) -> ReadableSpan:
        """The span of this name, as in `tree`."""
        return next(span for span in self.ended if _name(span) == name)


def span_id(span: ReadableSpan) -> str:
    """As in a header."""
    assert span.context is not None
    return format_span_id(span.context.span_id)


def _name(span: ReadableSpan) -> str:
    kind = (span.attributes or {}).get("duologue.kind")
    return span.name if kind is None else f"{span.name} {kind}"
