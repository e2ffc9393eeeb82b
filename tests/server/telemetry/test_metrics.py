from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from duologue import connect
from duologue.events import RealtimeEvent
from duologue.events.live import LiveEvent
from duologue.protocol.states import RESPONSE, ResponseInput, ResponseState
from duologue.server.telemetry.metrics import METRICS, Metrics
from duologue.testing import scripted_engines
from duologue.transports.webrtc.peer import PeerFigures
from tests._tables import without
from tests.repo._tree import ROOT
from tests.server._engines import failing
from tests.server._listening import listening, scripted_app
from tests.server._talking import event, speak, until, update
from tests.server.test_app import get


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """What a figure shows."""
    return metrics.registry.get_sample_value(f"duologue_{name}", labels)


def server_event(name: str, **fields: Any) -> Any:
    return RealtimeEvent.from_json({"type": name, "event_id": "e", **fields})


COMMITTED = server_event("input_audio_buffer.committed", item_id="i1")
CREATED = server_event("response.created", response={"id": "r1", "object": "realtime.response"})
PLACE = {"response_id": "r1", "item_id": "i2", "output_index": 0, "content_index": 0}
WORDS = server_event("response.output_audio_transcript.delta", delta="a", **PLACE)
TEXT = server_event("response.output_text.delta", delta="a", **PLACE)
AUDIO = server_event("response.output_audio.delta", delta="AAAA", **PLACE)
DONE = server_event("response.done", response={"id": "r1", "object": "realtime.response", "status": "completed"})


def transcribed(item_id: str) -> Any:
    name = "conversation.item.input_audio_transcription.completed"
    return server_event(
        name, item_id=item_id, content_index=0, transcript="a", usage={"type": "duration", "seconds": 1}
    )


def test_a_spoken_turn_is_timed_from_its_end_to_each_stage_once() -> None:
    clock = Clock()
    metrics = Metrics(clock=clock)
    session = metrics.opened("s", kind="realtime")
    for at, reported in (
        (1, COMMITTED),
        (1, CREATED),
        (1.25, transcribed("i1")),
        (1.5, WORDS),
        (2, AUDIO),
        (9, AUDIO),
        (9, WORDS),
        (10, DONE),
    ):
        clock.now = 100.0 + at
        session.sent(reported, 10)
    sums = {stage: value(metrics, "latency_seconds_sum", stage=stage) for stage in ("transcript", "text", "audio")}
    assert sums == {"transcript": 0.25, "text": 0.5, "audio": 1.0}
    assert value(metrics, "latency_seconds_count", stage="audio") == 1
    assert value(metrics, "responses_total", status="completed") == 1
    assert value(metrics, "sent_bytes_total") == 80


def test_a_typed_turn_is_timed_from_its_response() -> None:
    clock = Clock()
    metrics = Metrics(clock=clock)
    session = metrics.opened("s", kind="realtime")
    for at, reported in ((1, CREATED), (1.5, TEXT), (2, DONE), (5, CREATED), (5.25, TEXT), (6, DONE)):
        clock.now = 100.0 + at
        session.sent(reported, 10)
    assert value(metrics, "latency_seconds_sum", stage="text") == 0.75
    assert value(metrics, "latency_seconds_count", stage="text") == 2


def test_a_transcript_of_an_older_turn_is_not_timed() -> None:
    metrics = Metrics(clock=Clock())
    session = metrics.opened("s", kind="realtime")
    for reported in (COMMITTED, transcribed("i0")):
        session.sent(reported, 1)
    assert value(metrics, "latency_seconds_count", stage="transcript") in (None, 0)


def test_audio_is_counted_by_its_length_and_a_new_format_takes_nothing_back() -> None:
    metrics = Metrics()
    session = metrics.opened("s", kind="realtime")
    for input_ms in (0, 100, 100, 1500, 200, 300):
        session.received(5, input_ms)
    assert value(metrics, "audio_in_seconds_total") == pytest.approx(1.6)
    assert value(metrics, "received_bytes_total") == 30


def test_engine_calls_are_counted_while_they_last_and_when_they_fail() -> None:
    clock = Clock()
    metrics = Metrics(clock=clock)
    session = metrics.opened("s", kind="realtime")
    with session.engine_call("respond"):
        assert value(metrics, "engine_calls", stage="respond") == 1
        clock.now += 2
    with pytest.raises(ZeroDivisionError), session.engine_call("respond"):
        raise ZeroDivisionError
    assert value(metrics, "engine_calls", stage="respond") == 0
    assert value(metrics, "engine_seconds_sum", stage="respond") == 2
    assert value(metrics, "engine_failures_total", stage="respond") == 1


async def test_a_real_turn_over_a_socket_moves_the_figures() -> None:
    engines = replace(scripted_engines(), transcriber=failing(), synthesizer=failing("no voice today"))
    async with listening(scripted_app(engines)) as url:
        async with connect(url) as connection:
            await connection.send(update(audio={"input": {"transcription": {"model": "m"}}}))
            await speak(connection)
            await until(connection, "response.done")
            await connection.send(event("response.cancel"))
            await until(connection, "error")
            _, during = await get(url, "/metrics")
        after = b""
        for _ in range(100):
            _, after = await get(url, "/metrics")
            if b"\nduologue_sessions_open 0.0\n" in after:
                break
    for line in (
        "duologue_sessions_open 1.0",
        'duologue_sessions_total{kind="realtime"} 1.0',
        'duologue_responses_total{status="failed"} 1.0',
        'duologue_errors_total{code="response_cancel_not_active"} 1.0',
        'duologue_engine_failures_total{stage="transcribe"} 1.0',
        'duologue_engine_failures_total{stage="synthesize"} 1.0',
    ):
        assert f"\n{line}\n" in during.decode(), line
    [audio_s] = re.findall(r"^duologue_audio_in_seconds_total (.*)$", during.decode(), re.MULTILINE)
    assert float(audio_s) == pytest.approx(1.0)
    assert b"\nduologue_sessions_open 0.0\n" in after
    assert b'\nduologue_sessions_closed_total{code="1000"} 1.0\n' in after


def test_every_figure_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "howto" / "serve.md").read_text(encoding="utf-8")
    rows: list[str] = []
    for name, (kind, labels, meaning) in METRICS.items():
        kind = "counter" if kind == "total" else kind.removeprefix("held ").removeprefix("owner ")
        shown = f"{name}_total" if kind == "counter" else name
        rows.append(f"| `{shown}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {meaning} |")
    assert [row for row in rows if row not in page] == []


@pytest.mark.usefixtures("illegal_transitions_are_reported")
async def test_an_illegal_transition_is_counted_each_time_and_logged_once_a_session(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lacking = without(RESPONSE, ResponseState.WAITING, ResponseInput.CONTEXT_COMPLETE)
    monkeypatch.setattr("duologue.protocol.server.responses.response.RESPONSE", lacking)
    app = scripted_app()
    async with listening(app) as url, connect(url) as connection:
        for _ in range(2):
            await connection.send(event("response.create"))
            await connection.send(event("response.cancel"))
            await until(connection, "response.done")
        _, page = await get(url, "/metrics")
    [count] = re.findall(r'^duologue_illegal_transitions_total{table="response"} (.*)$', page.decode(), re.MULTILINE)
    assert float(count) >= 2
    assert caplog.text.count('table=response state=waiting happened="context complete"') == 1


async def test_live_sessions_are_counted_by_their_kind_and_their_errors_by_code() -> None:
    metrics = Metrics()
    session = metrics.opened("live_1", kind="live")
    refused = LiveEvent.from_json(
        {"type": "error", "event_id": "e", "error": {"type": "invalid_request_error", "code": "invalid_value"}}
    )
    session.sent(refused, 100)
    session.sent(LiveEvent.from_json({"type": "session.output_audio.delta", "delta": "AAAA"}), 50)
    session.received(10, 100)
    session.closed(1000)
    assert value(metrics, "sessions_total", kind="live") == 1
    assert value(metrics, "errors_total", code="invalid_value") == 1
    assert value(metrics, "sent_bytes_total") == 150
    assert value(metrics, "audio_in_seconds_total") == 0.1
    assert value(metrics, "sessions_closed_total", code="1000") == 1


def test_calls_are_counted_with_what_was_measured_of_them() -> None:
    metrics = Metrics()
    metrics.call_ended(None)
    metrics.call_ended(PeerFigures())
    metrics.call_ended(
        PeerFigures(round_trip_ms=250.0, lost_packets=5, received_packets=1000, concealed_samples=24_000)
    )
    metrics.call_ended(PeerFigures(lost_packets=-2))
    assert (value(metrics, "calls_total", connected="no"), value(metrics, "calls_total", connected="yes")) == (1, 3)
    assert value(metrics, "call_packets_total", fate="received") == 1000
    assert value(metrics, "call_packets_total", fate="lost") == 5
    assert value(metrics, "call_concealed_seconds_total") == 0.5
    assert value(metrics, "call_round_trip_seconds_sum") == 0.25
