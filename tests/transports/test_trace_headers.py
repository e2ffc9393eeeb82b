"""Every way of the client to a server names the trace that it is in."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

import pytest
from opentelemetry import baggage, context, propagate
from opentelemetry.propagators.composite import CompositePropagator

from duologue import blocking, connect, converse
from duologue.transports.http_post import post
from duologue.transports.trace_headers import trace_headers, with_trace
from tests._spans import Spans
from tests.server._listening import listening, scripted_app
from tests.transports.test_http_post import answering

Opens = Callable[[str], AbstractAsyncContextManager[object]]


def test_without_a_span_nothing_is_sent() -> None:
    assert trace_headers() == {}
    assert with_trace({"A": "b"}) == {"A": "b"}


def test_the_span_goes_along_and_its_baggage_does_not() -> None:
    spans = Spans()
    token = context.attach(baggage.set_baggage("customer", "Ada"))
    try:
        with spans.tracer.start_as_current_span("caller"):
            headers = trace_headers()
    finally:
        context.detach(token)
    assert list(headers) == ["traceparent"]
    assert headers["traceparent"].split("-")[1] in spans.trace_ids


def test_headers_of_the_application_come_first() -> None:
    with Spans().tracer.start_as_current_span("caller"):
        assert with_trace({"TraceParent": "mine"}) == {"TraceParent": "mine"}


def test_a_process_without_propagators_sends_none() -> None:
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(CompositePropagator([]))  # as OTEL_PROPAGATORS=none
    try:
        with Spans().tracer.start_as_current_span("caller"):
            assert trace_headers() == {}
    finally:
        propagate.set_global_textmap(before)


def test_opentelemetry_is_not_loaded_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    monkeypatch.setitem(sys.modules, "opentelemetry.propagate", None)  # importing it would raise
    assert trace_headers() == {}


async def test_a_post_goes_along_with_it() -> None:
    spans = Spans()
    sent: list[Mapping[str, str]] = []
    with answering(200, b"", seen=sent) as url, spans.tracer.start_as_current_span("caller"):
        await post(url, b"", {"Authorization": "Bearer sesame"}, timeout=5)
    [headers] = sent
    assert headers["traceparent"].split("-")[1] in spans.trace_ids
    assert headers["Authorization"] == "Bearer sesame"


@pytest.mark.parametrize("opens", [connect, converse])
async def test_an_asynchronous_client_goes_along_with_it(
    opens: Callable[[str], AbstractAsyncContextManager[object]],
) -> None:
    spans = Spans()
    async with listening(scripted_app(tracer_provider=spans.provider)) as url:
        with spans.tracer.start_as_current_span("caller"):
            async with opens(url):
                pass
    assert spans.tree == {"session realtime": "caller", "caller": None}


async def test_a_blocking_client_goes_along_with_it() -> None:
    spans = Spans()

    def call(url: str) -> None:
        with spans.tracer.start_as_current_span("caller"), blocking.converse(url):
            pass

    async with listening(scripted_app(tracer_provider=spans.provider)) as url:
        await asyncio.to_thread(call, url)
    assert spans.tree == {"session realtime": "caller", "caller": None}
