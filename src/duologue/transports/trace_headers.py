"""The trace that a request belongs to, as its headers: https://www.w3.org/TR/trace-context/"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

__all__ = ["TRACE_HEADERS", "trace_headers", "with_trace"]

TRACE_HEADERS: Final = ("traceparent", "tracestate")
"""What is sent and read. Never `baggage`, in which an application may keep anything."""


def trace_headers() -> dict[str, str]:
    """Headers that name OpenTelemetry's current span; empty if there is none.

    The process's propagators write them, so that `OTEL_PROPAGATORS=none` switches them off.
    """
    # Without this module in the process no span can be current; importing it would take longer than a handshake.
    if sys.modules.get("opentelemetry.trace") is None:
        return {}
    from opentelemetry.propagate import inject

    carrier: dict[str, str] = {}
    inject(carrier)
    return {name: carrier[name] for name in TRACE_HEADERS if name in carrier}


def with_trace(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with those of the trace, unless they name one already."""
    if any(name.lower() in TRACE_HEADERS for name in headers):
        return dict(headers)
    return {**headers, **trace_headers()}
