"""What a response reads when the conversation is longer than the window."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.events import FunctionCallItem, FunctionCallOutputItem, InputAudioPart, InputTextPart, MessageItem
from duologue.protocol import Respond, SessionDefaults
from duologue.protocol.server.conversation.context_window import TruncationSettings, newest_that_fit
from duologue.protocol.server.conversation.items import Entry
from duologue.protocol.server.token_usage import item_tokens
from duologue.testing import Pair
from tests.protocol._wire import client_event, create, respond, types, update, user_text

TEXT = {"output_modalities": ["text"]}


def pair_of(tokens: int) -> Pair:
    """A session with a window of so many tokens."""
    pair = Pair(SessionDefaults(max_context_tokens=tokens))
    pair.connect()
    return pair


def type_items(pair: Pair, *ids: str) -> None:
    """Messages of ten tokens each."""
    pair.send(*[create(user_text("x" * 40, id=item_id)) for item_id in ids])


def read(pair: Pair, **response: Any) -> list[str]:
    """Ids of the items that the next response reads; it ends at once."""
    pair.send(respond(**{**TEXT, **response}))
    command = pair.take(Respond)
    pair.responds("", response_id=command.response_id)
    [done] = [event for event in pair.finishes(response_id=command.response_id) if event.type == "response.done"]
    usage = done.to_json()["response"]["usage"]
    assert usage["input_tokens"] == sum(map(item_tokens, command.context)) + -(-len(command.instructions) // 4)
    assert usage["input_token_details"]["cached_tokens"] == 0
    return [str(item.id) for item in command.context]


def retain(ratio: float, **limits: int) -> dict[str, Any]:
    more = {"token_limits": limits} if limits else {}
    return {"type": "retention_ratio", "retention_ratio": ratio, **more}


def test_a_conversation_that_fits_is_read_whole() -> None:
    pair = pair_of(30)
    type_items(pair, "a", "b", "c")
    assert read(pair) == ["a", "b", "c"]


def test_the_oldest_items_go_first_and_do_not_come_back() -> None:
    pair = pair_of(30)
    type_items(pair, "a", "b", "c", "d")
    assert read(pair) == ["b", "c", "d"]
    pair.send(client_event("conversation.item.delete", item_id="d"))
    assert [item for item in read(pair) if not item.startswith("item_")] == ["b", "c"]


def test_instructions_and_tools_take_their_part_of_the_window() -> None:
    pair = pair_of(30)
    type_items(pair, "a", "b", "c")
    assert read(pair, instructions="i" * 4) == ["b", "c"]


def test_an_out_of_band_response_drops_nothing_for_those_in_it() -> None:
    pair = pair_of(30)
    type_items(pair, "a", "b", "c")
    assert read(pair, conversation="none", instructions="i" * 80) == ["c"]
    assert read(pair) == ["a", "b", "c"]


def test_what_is_dropped_stays_in_the_conversation() -> None:
    pair = pair_of(10)
    type_items(pair, "a", "b")
    read(pair)
    assert types(pair.send(client_event("conversation.item.retrieve", item_id="a"))) == ["conversation.item.retrieved"]


def test_a_retention_ratio_drops_more_at_once_and_then_nothing_for_a_while() -> None:
    pair = pair_of(100)
    pair.send(update(truncation=retain(0.5)))
    type_items(pair, *"abcdefghijk")
    assert read(pair) == [*"ghijk"]
    type_items(pair, "l", "m")
    assert [item for item in read(pair) if not item.startswith("item_")] == [*"ghijklm"]


def test_the_limit_of_the_conversation_comes_before_that_of_the_window() -> None:
    pair = pair_of(1000)
    pair.send(update(truncation=retain(1.0, post_instructions=20)))
    type_items(pair, "a", "b", "c")
    assert read(pair, instructions="i" * 400) == ["b", "c"]


def test_with_truncation_disabled_a_response_that_would_need_it_fails() -> None:
    pair = pair_of(20)
    pair.send(update(truncation="disabled"))
    type_items(pair, "a", "b")
    assert read(pair) == ["a", "b"]
    type_items(pair, "c")
    created, done = pair.send(respond())
    assert created.type == "response.created"
    response = done.to_json()["response"]
    assert (response["status"], response["output"]) == ("failed", [])
    error = response["status_details"]["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "context_length_exceeded")
    assert "30 tokens" in error["message"]
    assert "20 at most" in error["message"]
    assert response["usage"]["total_tokens"] == 0
    assert pair.commands == []
    pair.send(client_event("conversation.item.delete", item_id="a"), client_event("response.cancel"))
    assert len([item for item in read(pair) if not item.startswith("item_")]) == 2


def test_a_response_with_input_of_its_own_is_cut_for_itself_alone() -> None:
    pair = pair_of(20)
    type_items(pair, "a", "b")
    given_items = [user_text("y" * 40) for _ in range(3)]
    assert len(read(pair, conversation="none", input=given_items)) == 2
    assert read(pair) == ["a", "b"]


def test_a_call_and_its_output_go_together() -> None:
    pair = pair_of(30)
    pair.send(
        create({"type": "function_call", "id": "call", "name": "f" * 4, "call_id": "c", "arguments": "a" * 36}),
        create({"type": "function_call_output", "id": "output", "call_id": "c", "output": "o" * 40}),
    )
    type_items(pair, "a")
    assert read(pair) == ["call", "output", "a"]
    type_items(pair, "b")
    assert [item for item in read(pair) if not item.startswith("item_")] == ["a", "b"]


@pytest.mark.parametrize("max_tokens", [0, -5, 9])
def test_the_newest_item_is_read_however_long_it_is(max_tokens: int) -> None:
    entries = [message("a", 10), message("b", 10)]
    assert newest_that_fit(entries, TruncationSettings(), max_tokens=max_tokens) == entries[1:]


def message(item_id: str, tokens: int) -> Entry:
    return Entry(item=MessageItem(id=item_id, role="user", content=[InputTextPart(text="x" * 4 * tokens)]))


def call(item_id: str, call_id: str) -> Entry:
    return Entry(item=FunctionCallItem(id=item_id, name="f", call_id=call_id, arguments="{}" * 10))


def output(item_id: str, call_id: str) -> Entry:
    return Entry(item=FunctionCallOutputItem(id=item_id, call_id=call_id, output="o" * 20))


drawn = st.lists(
    st.tuples(st.sampled_from(["message", "call", "output"]), st.integers(0, 20), st.sampled_from("cd")), max_size=12
)


@given(drawn, st.integers(-10, 150), st.floats(0, 1))
def test_whatever_is_dropped_the_rest_fits_keeps_its_order_and_splits_no_call(
    items: list[tuple[str, int, str]], max_tokens: int, ratio: float
) -> None:
    entries: list[Entry] = []
    for number, (kind, size, call_id) in enumerate(items):
        make = {"message": lambda i, n, c: message(i, n), "call": lambda i, n, c: call(i, c)}
        entries.append(make.get(kind, lambda i, n, c: output(i, c))(f"{number}", size, call_id))
    kept = newest_that_fit(entries, TruncationSettings(True, ratio), max_tokens=max_tokens)
    assert kept == [entry for entry in entries if entry in kept]
    assert not entries or entries[-1] in kept
    for call_id in "cd":
        related = [e for e in entries if getattr(e.item, "call_id", None) == call_id]
        assert not related or {entry in kept for entry in related} in ({True}, {False})
    read_tokens = sum(item_tokens(entry.item) for entry in kept)
    last = [
        e for e in kept if e is entries[-1] or getattr(e.item, "call_id", 0) == getattr(entries[-1].item, "call_id", 1)
    ]
    assert read_tokens <= max(max_tokens, 0) or kept == last


def test_an_item_that_changes_is_counted_again() -> None:
    entry = message("a", 10)
    entries, settings = [message("old", 5), entry], TruncationSettings()

    def fits(max_tokens: int) -> bool:
        return newest_that_fit(entries, settings, max_tokens=max_tokens) == entries

    assert (fits(15), fits(14), fits(15)) == (True, False, True)
    entry.item = message("a", 20).item
    assert (fits(25), fits(24)) == (True, False)
    entry.item = MessageItem(id="a", role="user", content=[InputAudioPart(transcript=None)])
    entry.transcript = "x" * 40
    assert (fits(15), fits(14)) == (True, False)
    entry.transcript = "x" * 80
    assert (fits(25), fits(24)) == (True, False)
