"""One trace goes through client, relay, server, the engines behind URLs and MCP servers; strangers cannot abuse it."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry import trace

from duologue import connect
from duologue.client.live.urls import primary_url
from duologue.engines.base import FunctionCall
from duologue.engines.remote.synthesizer import RemoteSynthesizer
from duologue.engines.remote.transcriber import RemoteTranscriber
from duologue.server import LiveRequest, McpAccess, SessionStart, Upstream
from duologue.server.telemetry.joined_trace import joined_trace
from duologue.testing import scripted_engines
from duologue.transports import Transport
from duologue.transports.websocket import open_websocket
from tests._spans import Spans, span_id
from tests.engines._stand_in import Endpoint, endpoint, http
from tests.server._listening import listening, scripted_app
from tests.server._relays import upstream_at
from tests.server._scopes import scope
from tests.server._talking import event, speak, until, update
from tests.server._tool_server import tool_server
from tests.server.calls._calls import calling
from tests.server.calls._calls import event as call_event
from tests.server.calls.test_live_routes import post

pytestmark = pytest.mark.timeout(30)

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"

SPEECH = http("200 OK", b"\1\0" * 2400, "audio/pcm")
TRANSCRIPT = http("200 OK", b'{"text": "One and two?"}')


def parents(service: Endpoint) -> set[str]:
    """The spans that requests were sent from."""
    lines = [line for head in service.heads for line in head.lower().splitlines()]
    return {line.split("-")[2] for line in lines if line.startswith("traceparent:")}


async def test_one_trace_goes_through_client_relay_server_engines_and_tools() -> None:
    spans = Spans()
    responses: list[str | FunctionCall] = [FunctionCall(name="add", arguments='{"a":1,"b":2}'), "Three."]
    async with (
        endpoint(TRANSCRIPT) as ears,
        endpoint(SPEECH) as voice,
        tool_server() as tools,
        aclosing(RemoteTranscriber(url=ears.url)) as transcriber,
        aclosing(RemoteSynthesizer(url=voice.url, voices=["alloy"])) as synthesizer,
    ):
        engines = replace(scripted_engines(responses=responses), transcriber=transcriber, synthesizer=synthesizer)
        server = scripted_app(engines, mcp=McpAccess(tools.url), tracer_provider=spans.provider)
        async with listening(server) as url:
            relay = scripted_app(upstream=upstream_at(url), tracer_provider=spans.provider)
            async with listening(relay) as relay_url:
                with spans.tracer.start_as_current_span("caller"):
                    async with connect(relay_url) as connection:
                        await connection.send(offering(tools.url))
                        await until(connection, "mcp_list_tools.completed")
                        await speak(connection)
                        await until(connection, "response.done")
                        await connection.send(event("response.create"))
                        await until(connection, "response.done")
    assert {name: parent for name, parent in spans.tree.items() if name not in ("respond", "response")} == {
        "caller": None,
        "session relay": "caller",
        "session realtime": "session relay",
        "transcription": "session realtime",
        "transcribe": "transcription",
        "mcp": "response",
        "synthesize": "response",
    }
    assert len(spans.trace_ids) == 1
    assert parents(ears) == {span_id(spans.named("transcribe"))}
    assert parents(voice) == {span_id(spans.named("synthesize"))}
    assert {parent.split("-")[1] for parent in tools.traces} == spans.trace_ids
    assert span_id(spans.named("mcp")) in {parent.split("-")[2] for parent in tools.traces}
    assert spans.named("session realtime").kind is trace.SpanKind.SERVER


def offering(url: str) -> Any:
    tool = {"type": "mcp", "server_label": "shop", "server_url": url, "require_approval": "never"}
    return update(tools=[tool], audio={"input": {"transcription": {"model": "m"}}})


async def test_a_live_session_and_its_relay_are_in_the_trace() -> None:
    spans = Spans()
    async with listening(scripted_app(tracer_provider=spans.provider)) as url:

        async def open_live(wanted: LiveRequest) -> Transport:
            return await open_websocket(primary_url(url.removesuffix("/realtime")))

        async def open_realtime(start: SessionStart) -> Transport:
            raise NotImplementedError

        upstream = Upstream(open=open_realtime, open_live=open_live)
        async with listening(scripted_app(upstream=upstream, tracer_provider=spans.provider)) as relay:
            with spans.tracer.start_as_current_span("caller"):
                socket = await open_websocket(primary_url(relay.removesuffix("/realtime")))
                await socket.send(json.dumps({"type": "session.start", "session": {"model": "gpt-live-1"}}))
                assert json.loads(await asyncio.wait_for(socket.receive(), 5))["type"] == "session.started"
                await socket.close()
    assert spans.tree == {"session live": "session relay", "session relay": "caller", "caller": None}


async def test_a_call_over_webrtc_is_in_the_trace_of_its_offer() -> None:
    spans = Spans()
    async with calling(tracer_provider=spans.provider) as caller:
        async with caller.call(headers={"traceparent": PARENT}) as (peer, _):
            await call_event(peer, "session.created")
        live = caller.new_peer()
        await post(caller, live, headers={"traceparent": PARENT}, model="gpt-live-1")
    assert set(spans.tree) == {"session realtime", "session live"}
    assert spans.trace_ids == {TRACE}


async def test_a_server_with_traces_of_its_own_does_not_look_at_the_clients() -> None:
    spans = Spans()
    app = scripted_app(tracer_provider=spans.provider, own_traces=True)
    async with listening(app) as url, connect(url, headers={"traceparent": PARENT}) as connection:
        await until(connection, "session.created")
    assert (len(spans.trace_ids), TRACE in spans.trace_ids) == (1, False)


async def test_a_relay_without_an_sdk_passes_the_headers_on() -> None:
    spans = Spans()
    headers = {"traceparent": PARENT, "tracestate": "vendor=value"}
    async with (
        listening(scripted_app(tracer_provider=spans.provider)) as url,
        listening(scripted_app(upstream=upstream_at(url))) as relay,
        connect(relay, headers=headers) as connection,
    ):
        await until(connection, "session.created")
    session = spans.named("session realtime")
    assert spans.trace_ids == {TRACE}
    assert session.parent is not None
    assert session.parent.trace_state.get("vendor") == "value"


def joined(*headers: tuple[bytes, bytes]) -> tuple[str, int]:
    """The trace that spans of a handshake with these headers would belong to, and the vendors in its state."""
    with joined_trace(scope() | {"headers": list(headers)}):
        current = trace.get_current_span().get_span_context()
    return trace.format_trace_id(current.trace_id), len(current.trace_state)


def test_the_headers_name_the_trace_and_its_state() -> None:
    assert joined((b"traceparent", PARENT.encode())) == (TRACE, 0)
    assert joined((b"traceparent", PARENT.encode()), (b"tracestate", b"a=1"), (b"tracestate", b"b=2")) == (TRACE, 2)
    assert trace.get_current_span() is trace.INVALID_SPAN


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff\x00",
        PARENT.encode() + b"-" + b"x" * 100_000,
        PARENT.replace(TRACE, "0" * 32).encode(),
        b"ff" + PARENT[2:].encode(),
        PARENT.upper().encode(),
        PARENT[:-1].encode(),
    ],
    ids=["empty", "bytes", "long", "zeros", "version ff", "upper case", "short"],
)
def test_a_parent_that_is_none_is_not_read(value: bytes) -> None:
    assert joined((b"traceparent", value)) == ("0" * 32, 0)


def test_two_parents_are_none() -> None:
    assert joined((b"traceparent", PARENT.encode()), (b"traceparent", PARENT.encode())) == ("0" * 32, 0)


@pytest.mark.parametrize("state", [b"a=" + b"x" * 600, b",".join(b"k%d=v" % n for n in range(400)), b"\xff\x01;;=="])
def test_a_state_that_is_too_long_or_none_is_left_behind(state: bytes) -> None:
    assert joined((b"traceparent", PARENT.encode()), (b"tracestate", state)) == (TRACE, 0)


def test_baggage_is_not_read() -> None:
    from opentelemetry import baggage

    with joined_trace(scope(headers={"traceparent": PARENT, "baggage": "customer=Ada"})):
        assert not baggage.get_all()


def test_a_span_of_the_applications_own_instrumentation_stays_the_parent() -> None:
    with Spans().tracer.start_as_current_span("asgi") as asgi, joined_trace(scope(headers={"traceparent": PARENT})):
        assert trace.get_current_span() is asgi


def test_the_start_of_the_server_has_no_headers() -> None:
    with joined_trace({"type": "lifespan"}):
        assert trace.get_current_span() is trace.INVALID_SPAN
