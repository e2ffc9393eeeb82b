"""What is sent to a new session, and what cannot be restored."""

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
from tests.protocol._wire import command, rejected, server_event


def update(event_id: str, **session: Any) -> SessionUpdateEvent:
    event = command("session.update", event_id=event_id, session={"type": "realtime", **session})
    assert isinstance(event, SessionUpdateEvent)
    return event


def config(**session: Any) -> Any:
    return update("1", **session).session


def updated() -> RealtimeEvent:
    return server_event("session.updated", session={"type": "realtime", "id": "s", "object": "realtime.session"})


def stored(wire: dict[str, Any], *, done: bool = True, **fields: Any) -> StoredItem:
    event = server_event("conversation.item.added", item=wire)
    assert isinstance(event, ConversationItemAddedEvent)
    return StoredItem(item_id=wire["id"], item=event.item, done=done, **fields)


def message(item_id: str, role: str, *content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "message", "id": item_id, "role": role, "status": "completed", "content": list(content), **fields}


def call(item_id: str, call_id: str | None = "c1", **fields: Any) -> dict[str, Any]:
    return {"type": "function_call", "id": item_id, "name": "f", "call_id": call_id, "arguments": "{}", **fields}


def session_replay() -> SessionReplay:
    ids = CountedIds()
    return SessionReplay(new_id=lambda kind: f"new-{ids(kind)}")


def created(replay: Replay) -> list[ConversationItem]:
    return [event.item for event in replay.events if isinstance(event, ConversationItemCreateEvent)]


def confirm(session: SessionReplay, item: ConversationItem) -> None:
    session.receive(ConversationItemDoneEvent(event_id="e", item=item))


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


def test_pain_06_only_updates_that_the_server_accepted_are_replayed() -> None:
    session = session_replay()
    for event in (update("1", instructions="a"), update("2", instructions="b", tools=[]), update("3", speed=9)):
        session.sent(event)
    session.receive(updated())
    session.receive(rejected("2"))
    session.receive(rejected(None), EventContext(command=update("3")))
    assert to_plain(session.configuration) == {"type": "realtime", "instructions": "a"}
    replay = session.replay([])
    assert [to_plain(event)["session"] for event in replay.events] == [{"type": "realtime", "instructions": "a"}]
    assert replay.restored.configured


def test_pain_06_an_update_that_was_never_answered_is_sent_again() -> None:
    session = session_replay()
    session.sent(update("1", instructions="a"))
    (event,) = session.replay([]).events
    session.sent(event)
    session.receive(updated())
    assert to_plain(session.configuration) == {"type": "realtime", "instructions": "a"}


def test_a_session_without_updates_and_items_has_nothing_to_replay() -> None:
    replay = session_replay().replay([])
    assert replay.events == ()
    assert not replay.restored.configured


def test_pain_06_confirmed_items_are_replayed_without_their_old_ids() -> None:
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
    replay = session_replay().replay(items)
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
    ids="unfinished silent cut empty unknown-part half-call no-call-id lone-answer mcp new".split(),
)
def test_pain_06_what_cannot_be_restored_is_reported(item: StoredItem, reason: str) -> None:
    replay = session_replay().replay([item])
    assert created(replay) == []
    (missing,) = replay.restored.not_restored
    assert missing.item_id == "x"
    assert reason in missing.reason


def test_an_item_that_is_restored_in_part_is_named_too() -> None:
    wire = message("x", "user", {"type": "input_text", "text": "look"}, {"type": "input_audio", "transcript": None})
    replay = session_replay().replay([stored(wire)])
    assert len(created(replay)) == 1
    assert [missing.item_id for missing in replay.restored.not_restored] == ["x"]


def test_pain_06_a_loss_while_restoring_loses_no_confirmed_item() -> None:
    session = session_replay()
    texts = ["one", "two", "three"]
    first = session.replay([stored(message(t, "user", {"type": "input_text", "text": t})) for t in texts])
    confirmed = created(first)[0]
    confirm(session, confirmed)
    assert session.restoring
    # The connection is lost again: the second session has one of the three, and something new.
    now = [stored(to_plain(confirmed)), stored(message("n", "user", {"type": "input_text", "text": "new"}))]
    second = session.replay(now)
    words = [to_plain(item)["content"][0]["text"] for item in created(second)]
    assert words == ["one", "two", "three", "new"]
    for item in created(second):
        confirm(session, item)
    assert not session.restoring


def test_nothing_of_a_replay_that_was_cut_short_is_awaited() -> None:
    session = session_replay()
    items = [stored(message("a", "user", {"type": "input_text", "text": "hi"}))]
    session.replay(items)
    session.lost([])
    events = session.replay(items).events
    assert [*session._replay_events] == [event.event_id for event in events]


def test_an_item_that_the_new_server_rejects_is_not_waited_for() -> None:
    session = session_replay()
    (event,) = session.replay([stored(message("u", "user", {"type": "input_text", "text": "x"}))]).events
    session.receive(rejected(str(event.event_id)))
    assert not session.restoring


def test_pain_06_an_item_that_is_added_and_not_done_when_the_connection_breaks_is_replayed() -> None:
    session = session_replay()
    first = session.replay([stored(message("u", "user", {"type": "input_text", "text": "x"}))])
    (item,) = created(first)
    session.receive(ConversationItemAddedEvent(event_id="e", item=item))
    second = session.replay([stored(to_plain(item), done=False)])
    assert [to_plain(again)["content"] for again in created(second)] == [[{"type": "input_text", "text": "x"}]]


@pytest.mark.parametrize("answers", [2, 1, 0])
def test_updates_are_replayed_as_one_whether_they_were_answered_or_not(answers: int) -> None:
    session = session_replay()
    session.sent(update("1", instructions="a", output_modalities=["text"]))
    session.sent(update("2", instructions="b"))
    for _ in range(answers):
        session.receive(updated())
    [event] = session.replay([]).events
    assert isinstance(event, SessionUpdateEvent)
    assert event.session == config(instructions="b", output_modalities=["text"])
