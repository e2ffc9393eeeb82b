"""What a new connection is told, and what it cannot be told."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from duologue.codec.writing import to_plain
from duologue.events import (
    ConversationItem,
    ConversationItemAddedEvent,
    ConversationItemCreateEvent,
    ConversationItemDoneEvent,
    RealtimeEvent,
    RealtimeSessionConfig,
    SessionUpdateEvent,
    TranscriptionSessionConfig,
)
from duologue.protocol.client.dispatch import EventContext
from duologue.protocol.client.history.item_builder import StoredItem
from duologue.protocol.client.recovery.session_replay import Replay, SessionReplay, merged
from duologue.testing import CountedIds


def config(**session: Any) -> Any:
    event = RealtimeEvent.from_json({"type": "session.update", "session": {"type": "realtime", **session}})
    assert isinstance(event, SessionUpdateEvent)
    return event.session


def update(event_id: str, **session: Any) -> SessionUpdateEvent:
    return SessionUpdateEvent(event_id=event_id, session=config(**session))


def updated() -> RealtimeEvent:
    wire = {"type": "realtime", "id": "s", "object": "realtime.session"}
    return RealtimeEvent.from_json({"type": "session.updated", "event_id": "e", "session": wire})


def refused(event_id: str | None) -> RealtimeEvent:
    error = {"type": "invalid_request_error", "message": "", "event_id": event_id}
    return RealtimeEvent.from_json({"type": "error", "event_id": "e", "error": error})


def stored(wire: dict[str, Any], *, done: bool = True, **fields: Any) -> StoredItem:
    event = RealtimeEvent.from_json({"type": "conversation.item.added", "event_id": "e", "item": wire})
    assert isinstance(event, ConversationItemAddedEvent)
    return StoredItem(item_id=wire["id"], item=event.item, done=done, **fields)


def message(item_id: str, role: str, *content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "message", "id": item_id, "role": role, "status": "completed", "content": list(content), **fields}


def call(item_id: str, call_id: str | None = "c1", **fields: Any) -> dict[str, Any]:
    return {"type": "function_call", "id": item_id, "name": "f", "call_id": call_id, "arguments": "{}", **fields}


def memory() -> SessionReplay:
    ids = CountedIds()
    return SessionReplay(new_id=lambda kind: f"new-{ids(kind)}")


def created(replay: Replay) -> list[ConversationItem]:
    return [event.item for event in replay.events if isinstance(event, ConversationItemCreateEvent)]


def confirm(told: SessionReplay, item: ConversationItem) -> None:
    told.receive(ConversationItemDoneEvent(event_id="e", item=item))


def test_pain_15_updates_are_merged_with_absent_null_and_value_kept_apart() -> None:
    first = config(
        instructions="be kind",
        tools=[],
        audio={"input": {"turn_detection": {"type": "server_vad"}, "noise_reduction": {"type": "far_field"}}},
        house_rule=1,
    )
    second = config(
        instructions="", audio={"input": {"turn_detection": None}, "output": {"voice": "echo"}}, other_rule=2
    )
    result = merged(first, second)
    assert isinstance(result, RealtimeSessionConfig)
    assert to_plain(result) == {
        "type": "realtime",
        "instructions": "",
        "tools": [],
        "audio": {
            "input": {"turn_detection": None, "noise_reduction": {"type": "far_field"}},
            "output": {"voice": "echo"},
        },
        "house_rule": 1,
        "other_rule": 2,
    }
    assert result.output_modalities is UNSET


def test_a_configuration_of_another_kind_takes_the_place_of_the_old_one() -> None:
    transcription = TranscriptionSessionConfig()
    assert merged(config(tools=[]), transcription) is transcription


def test_pain_06_only_what_the_server_took_is_repeated() -> None:
    told = memory()
    for event in (update("1", instructions="a"), update("2", instructions="b", tools=[]), update("3", speed=9)):
        told.sent(event)
    told.receive(updated())
    told.receive(refused("2"))
    told.receive(refused(None), EventContext(command=update("3")))
    assert to_plain(told.configuration) == {"type": "realtime", "instructions": "a"}
    replay = told.replay([])
    assert [to_plain(event)["session"] for event in replay.events] == [{"type": "realtime", "instructions": "a"}]
    assert replay.restored.configured


def test_pain_06_an_update_that_was_never_answered_is_sent_again() -> None:
    told = memory()
    told.sent(update("1", instructions="a"))
    (event,) = told.replay([]).events
    told.sent(event)
    told.receive(updated())
    assert to_plain(told.configuration) == {"type": "realtime", "instructions": "a"}


def test_a_session_that_was_never_told_anything_has_nothing_to_repeat() -> None:
    replay = memory().replay([])
    assert replay.events == ()
    assert not replay.restored.configured


def test_pain_06_confirmed_items_are_told_again_without_their_old_ids() -> None:
    items = [
        stored(message("s", "system", {"type": "input_text", "text": "rules"})),
        stored(
            message("u", "user", {"type": "input_audio", "transcript": "hello"}, {"type": "input_text", "text": "!"})
        ),
        stored(message("a", "assistant", {"type": "output_audio", "transcript": "hi"})),
        stored(message("b", "assistant", {"type": "text", "text": "old"}, {"type": "audio", "transcript": "beta"})),
        stored(call("f")),
        stored({"type": "function_call_output", "id": "o", "call_id": "c1", "output": "42"}),
        stored(message("i", "user", {"type": "input_image", "image_url": "data:"})),
    ]
    replay = memory().replay(items)
    plain = [to_plain(item) for item in created(replay)]
    assert [item.pop("id") for item in plain] == [f"new-item_{number}" for number in range(1, 8)]
    assert plain == [
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "rules"}]},
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "hello"}, {"type": "input_text", "text": "!"}],
        },
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "old"}, {"type": "output_text", "text": "beta"}],
        },
        {"type": "function_call", "name": "f", "call_id": "c1", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "42"},
        {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "data:"}]},
    ]
    assert dict(replay.restored.item_ids) == {old.item_id: f"new-item_{n}" for n, old in enumerate(items, start=1)}
    assert replay.restored.not_restored == ()
    assert len({event.event_id for event in replay.events}) == 7


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (stored(message("x", "assistant"), done=False), "it was not finished"),
        (stored(message("x", "user", {"type": "input_audio", "transcript": None})), "it was spoken, and there is no"),
        (
            stored(message("x", "assistant", {"type": "output_audio", "transcript": ""}), truncated_at_ms=5),
            "cut it off",
        ),
        (stored(message("x", "user")), "it has no content"),
        (stored(message("x", "user", {"type": "smell"})), "a part of the kind smell"),
        (stored(call("x", status="incomplete")), "the call was not finished"),
        (stored(call("x", None)), "the call was not finished"),
        (stored({"type": "function_call_output", "id": "x", "call_id": "?", "output": ""}), "the call that it answers"),
        (stored({"type": "mcp_list_tools", "id": "x", "server_label": "m", "tools": []}), "only a server can make"),
        (stored({"type": "brand_new", "id": "x"}), "kind brand_new"),
    ],
    ids=[
        "unfinished",
        "silent",
        "cut",
        "empty",
        "unknown part",
        "half call",
        "no call id",
        "lone answer",
        "mcp",
        "new",
    ],
)
def test_pain_06_what_cannot_be_restored_is_said(item: StoredItem, reason: str) -> None:
    replay = memory().replay([item])
    assert created(replay) == []
    (missing,) = replay.restored.not_restored
    assert missing.item_id == "x"
    assert reason in missing.reason


def test_an_item_that_is_restored_in_part_is_named_too() -> None:
    wire = message("x", "user", {"type": "input_text", "text": "look"}, {"type": "input_audio", "transcript": None})
    replay = memory().replay([stored(wire)])
    assert len(created(replay)) == 1
    assert [missing.item_id for missing in replay.restored.not_restored] == ["x"]


def test_pain_06_a_loss_while_restoring_loses_no_confirmed_item() -> None:
    told = memory()
    texts = ["one", "two", "three"]
    first = told.replay([stored(message(t, "user", {"type": "input_text", "text": t})) for t in texts])
    confirmed = created(first)[0]
    confirm(told, confirmed)
    assert told.restoring
    # The connection is lost again: the second session has one of the three, and something new.
    now = [stored(to_plain(confirmed)), stored(message("n", "user", {"type": "input_text", "text": "new"}))]
    second = told.replay(now)
    words = [to_plain(item)["content"][0]["text"] for item in created(second)]
    assert words == ["one", "two", "three", "new"]
    for item in created(second):
        confirm(told, item)
    assert not told.restoring


def test_of_a_replay_that_was_cut_short_nothing_is_awaited_any_more() -> None:
    told = memory()
    items = [stored(message("a", "user", {"type": "input_text", "text": "hi"}))]
    told.replay(items)
    told.lost([])
    events = told.replay(items).events
    assert [*told._replay_events] == [event.event_id for event in events]


def test_an_item_that_the_new_server_refuses_is_not_waited_for() -> None:
    told = memory()
    (event,) = told.replay([stored(message("u", "user", {"type": "input_text", "text": "x"}))]).events
    told.receive(refused(str(event.event_id)))
    assert not told.restoring


def test_pain_06_an_item_that_is_added_and_not_done_when_the_connection_breaks_is_told_again() -> None:
    told = memory()
    first = told.replay([stored(message("u", "user", {"type": "input_text", "text": "x"}))])
    (item,) = created(first)
    told.receive(ConversationItemAddedEvent(event_id="e", item=item))
    second = told.replay([stored(to_plain(item), done=False)])
    assert [to_plain(again)["content"] for again in created(second)] == [[{"type": "input_text", "text": "x"}]]


@pytest.mark.parametrize("answers", [2, 1, 0])
def test_updates_are_repeated_as_one_whether_they_were_answered_or_not(answers: int) -> None:
    told = memory()
    told.sent(update("1", instructions="a", output_modalities=["text"]))
    told.sent(update("2", instructions="b"))
    for _ in range(answers):
        told.receive(updated())
    [event] = told.replay([]).events
    assert isinstance(event, SessionUpdateEvent)
    assert event.session == config(instructions="b", output_modalities=["text"])
