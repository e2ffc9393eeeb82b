"""Spans, as OpenTelemetry's own exporter sees them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import INVALID_SPAN, get_current_span

from duologue import connect
from duologue.engines.registry import Engines
from duologue.server.telemetry.observer import UNOBSERVED
from duologue.server.telemetry.tracing import in_call, traces
from duologue.testing import scripted_engines
from tests._spans import Spans
from tests.server._engines import failing
from tests.server._listening import listening, scripted_app
from tests.server._talking import speak, typed, until, update


async def turn(engines: Engines) -> list[ReadableSpan]:
    """All spans of a session with one spoken turn, in the order in which they ended."""
    spans = Spans()
    app = scripted_app(engines, tracer_provider=spans.provider)
    async with listening(app) as url, connect(url) as connection:
        await connection.send(update(instructions="sesame", audio={"input": {"transcription": {"model": "m"}}}))
        await connection.send(typed("sesame"))
        await speak(connection)
        await until(connection, "response.done")
    return spans.ended


def parent_of(span: ReadableSpan, spans: list[ReadableSpan]) -> str | None:
    """The name of the span's parent."""
    parent = span.parent
    return None if parent is None else next(s.name for s in spans if s.context and s.context.span_id == parent.span_id)


async def test_a_turn_is_a_tree_of_spans() -> None:
    spans = await turn(scripted_engines(transcripts=["sesame"], responses=["sesame."]))
    assert {span.name: parent_of(span, spans) for span in spans} == {
        "transcribe": "transcription",
        "transcription": "session",
        "respond": "response",
        "synthesize": "response",
        "response": "session",
        "session": None,
    }
    session = next(span for span in spans if span.name == "session")
    assert session.attributes is not None
    assert session.attributes["duologue.kind"] == "realtime"
    response = next(span for span in spans if span.name == "response")
    [ended] = response.events
    assert (ended.name, (ended.attributes or {})["duologue.status"]) == ("response.done", "completed")
    assert len({span.context.trace_id for span in spans if span.context}) == 1


async def test_spans_hold_nothing_of_what_was_said() -> None:
    for span in await turn(scripted_engines(transcripts=["sesame"], responses=["sesame."])):
        assert "sesame" not in span.to_json()


async def test_a_failure_is_marked_by_its_class_without_its_words() -> None:
    spans = await turn(replace(scripted_engines(), synthesizer=failing("no voice today")))
    failed = next(span for span in spans if span.name == "synthesize")
    assert (failed.status.is_ok, failed.status.description) == (False, "EngineError")
    assert "no voice today" not in "".join(span.to_json() for span in spans)


async def test_where_opentelemetry_is_not_installed_there_are_no_traces_and_all_else_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missing: Mapping[str, None] = dict.fromkeys(("opentelemetry", "opentelemetry.trace"))
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    assert traces() is None
    async with listening(scripted_app()) as url, connect(url) as connection:
        await speak(connection)
        await until(connection, "response.done")


async def test_where_the_process_has_set_no_sdk_up_nothing_is_made_to_be_dropped() -> None:
    tracing = traces()
    assert tracing is not None
    assert tracing.opened("s", kind="realtime") is UNOBSERVED


def test_what_an_engines_call_yields_is_current_in_a_block_if_it_is_a_span() -> None:
    span = Spans().tracer.start_span("synthesize")
    with in_call(span):
        assert get_current_span() is span
    for other in (None, "of another observer"):
        with in_call(other):
            assert get_current_span() is INVALID_SPAN
