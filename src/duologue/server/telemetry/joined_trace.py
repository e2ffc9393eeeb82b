"""The trace of a client: read from the headers of its handshake or request, https://www.w3.org/TR/trace-context/

The headers are a stranger's: they are read within bounds, and decide about the ids and the sampling of spans alone.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from duologue.transports.asgi import Scope
from duologue.transports.trace_headers import TRACE_HEADERS

__all__ = ["joined_trace"]

_PARENT, _STATE = (name.encode() for name in TRACE_HEADERS)

_MAX_PARENT_BYTES: Final = 128
"""Version 00 has 55; later ones may add fields behind them."""

_MAX_STATE_BYTES: Final = 512
"""What the standard asks every implementation to pass on (section 3.3.1.5); a longer one is not passed on."""


@contextmanager
def joined_trace(scope: Scope) -> Generator[None]:
    """Spans of the block belong to the client's trace, if its headers name one.

    A span that is current already stays so: then an instrumentation of the application has read the headers.
    """
    carrier = {} if sys.modules.get("opentelemetry.trace") is None else _carrier(scope)
    if not carrier:
        yield
        return
    from opentelemetry import context, propagate, trace

    if trace.get_current_span().get_span_context().is_valid:
        yield
        return
    token = context.attach(propagate.extract(carrier))
    try:
        yield
    finally:
        context.detach(token)


def _carrier(scope: Scope) -> dict[str, str]:
    """The headers that may be read; empty if there is no parent, or more than one."""
    headers: list[tuple[bytes, bytes]] = scope.get("headers") or []
    parents = [value for name, value in headers if name == _PARENT]
    if len(parents) != 1 or len(parents[0]) > _MAX_PARENT_BYTES:
        return {}
    found = {TRACE_HEADERS[0]: parents[0].decode("latin-1")}
    states = b",".join(value for name, value in headers if name == _STATE)
    if 0 < len(states) <= _MAX_STATE_BYTES:
        found[TRACE_HEADERS[1]] = states.decode("latin-1")
    return found
