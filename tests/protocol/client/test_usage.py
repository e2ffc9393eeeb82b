"""What a session has cost: the parts add up, and nothing is counted twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.events import RealtimeEvent
from duologue.protocol.client.usage import InputTokens, OutputTokens, TranscriptionCost, UsageLedger, UsageSnapshot
from tests.protocol._wire import server_event

counts = st.none() | st.integers(0, 10_000)


def done(response_id: str, usage: dict[str, Any] | None, status: str = "completed") -> RealtimeEvent:
    return server_event("response.done", response={"id": response_id, "status": status, "usage": usage})


def transcribed(item_id: str, usage: dict[str, Any] | None) -> RealtimeEvent:
    name = "conversation.item.input_audio_transcription.completed"
    fields = {"item_id": item_id, "content_index": 0, "transcript": "", "usage": usage}
    return server_event(name, **fields)


def changed(ledger: UsageLedger, event: RealtimeEvent) -> bool:
    """Whether the event changes the sums."""
    ledger.take_change()
    ledger.receive(event)
    change = ledger.take_change()
    assert change is None or change == ledger.snapshot()
    return change is not None


FULL = {
    "total_tokens": 180,
    "input_tokens": 130,
    "output_tokens": 50,
    "input_token_details": {
        "text_tokens": 100,
        "audio_tokens": 20,
        "image_tokens": 10,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 4, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 10, "audio_tokens": 40, "reasoning_tokens": 3},
}


def test_pain_19_a_response_is_counted_by_modality_with_what_was_cached() -> None:
    ledger = UsageLedger()
    assert changed(ledger, done("r", FULL))
    usage = ledger.snapshot()
    assert (usage.input.text_tokens, usage.input.audio_tokens, usage.input.image_tokens) == (100, 20, 10)
    assert (usage.input.cached_text_tokens, usage.input.cached_audio_tokens, usage.input.cached_tokens) == (60, 4, 64)
    assert (usage.output.text_tokens, usage.output.audio_tokens, usage.output.reasoning_tokens) == (10, 40, 3)
    assert usage.total_tokens == 180
    cost = ledger.response("r")
    assert cost is not None
    assert (cost.total_tokens, cost.status, cost.reported) == (180, "completed", True)


def test_pain_19_cancelled_responses_count_and_those_without_usage_are_named() -> None:
    ledger = UsageLedger()
    ledger.receive(done("r1", FULL, "cancelled"))
    ledger.receive(done("r2", None, "cancelled"))
    ledger.receive(done("r3", FULL))
    usage = ledger.snapshot()
    assert usage.responses == (("cancelled", 2), ("completed", 1))
    assert usage.responses_without_usage == 1
    assert usage.total_tokens == 360


def test_a_response_that_comes_twice_counts_once() -> None:
    ledger = UsageLedger()
    assert changed(ledger, done("r", FULL))
    before = ledger.snapshot()
    assert not changed(ledger, done("r", FULL))
    assert ledger.snapshot() == before


def test_pain_19_sums_go_on_over_connections_whose_servers_count_from_one_again() -> None:
    ledger = UsageLedger()
    ledger.receive(done("r", FULL))
    ledger.connected()
    assert ledger.response("r") is None
    assert changed(ledger, done("r", FULL))
    assert ledger.snapshot().total_tokens == 360


def test_pain_19_transcripts_cost_tokens_or_seconds() -> None:
    ledger = UsageLedger()
    tokens = {"type": "tokens", "total_tokens": 25, "input_tokens": 20, "output_tokens": 5}
    detailed = {**tokens, "input_token_details": {"text_tokens": 2, "audio_tokens": 18}}
    for _ in range(2):
        ledger.receive(transcribed("u1", tokens))
        ledger.receive(transcribed("u2", detailed))
        ledger.receive(transcribed("u3", {"type": "duration", "seconds": 2.5}))
        ledger.receive(transcribed("u4", None))
    cost = ledger.snapshot().transcription
    assert (cost.transcripts, cost.seconds, cost.total_tokens) == (4, 2.5, 50)
    assert (cost.other_tokens, cost.text_tokens, cost.audio_tokens, cost.output_tokens) == (20, 2, 18, 10)
    assert ledger.snapshot().total_tokens == 50


def test_other_events_cost_nothing() -> None:
    ledger = UsageLedger()
    assert ledger.snapshot() == UsageSnapshot()
    assert not changed(ledger, server_event("input_audio_buffer.cleared"))
    assert ledger.snapshot().total_tokens == 0


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), counts, counts, counts, counts, counts), max_size=8))
def test_sums_add_up_whatever_a_server_leaves_out(usages: list[tuple[Any, ...]]) -> None:
    ledger = UsageLedger()
    expected = 0
    seen: set[str] = set()
    for response_id, read, text, audio, wrote, spoke in usages:
        details = {"text_tokens": text, "audio_tokens": audio}
        usage = {"input_tokens": read, "input_token_details": details, "output_tokens": wrote}
        ledger.receive(done(response_id, {**usage, "output_token_details": {"audio_tokens": spoke}}))
        if response_id not in seen:
            expected += max(read or 0, (text or 0) + (audio or 0)) + max(wrote or 0, spoke or 0)
        seen.add(response_id)
    costs = [ledger.response(response_id) for response_id in seen]
    assert ledger.snapshot().total_tokens == expected == sum(cost.total_tokens for cost in costs if cost)


@pytest.mark.parametrize(
    ("kind", "sum_of", "parts"),
    [
        (InputTokens, "total_tokens", "text audio image other"),
        (InputTokens, "cached_tokens", "cached_text cached_audio cached_image cached_other"),
        (OutputTokens, "total_tokens", "text audio other"),
        (TranscriptionCost, "total_tokens", "text audio other output"),
    ],
)
def test_a_sum_is_that_of_its_parts_and_of_nothing_else(kind: Any, sum_of: str, parts: str) -> None:
    count = {name: 2**place for place, name in enumerate(kind.__struct_fields__)}
    assert getattr(kind(**count), sum_of) == sum(count[f"{part}_tokens"] for part in parts.split())


def test_the_total_is_what_was_read_written_and_transcribed() -> None:
    parts = InputTokens(text_tokens=1), OutputTokens(text_tokens=2), TranscriptionCost(text_tokens=4)
    assert UsageSnapshot(input=parts[0], output=parts[1], transcription=parts[2]).total_tokens == 7
