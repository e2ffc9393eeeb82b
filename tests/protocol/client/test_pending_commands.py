"""Which command an event answers."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.events import ClientEvent, RealtimeEvent
from duologue.protocol.client.pending_commands import PendingCommands
from tests.protocol._wire import command, rejected, server_event


def answered_by(pending: PendingCommands, event: RealtimeEvent) -> ClientEvent | None:
    """The command that the event answers."""
    return pending.receive(event).command


def waiting(*commands: ClientEvent) -> PendingCommands:
    pending = PendingCommands()
    for event in commands:
        pending.sent(event)
    return pending


SESSION = {"session": {"type": "realtime"}}
USER = {"type": "message", "role": "user", "content": []}


def create(event_id: str, **item: Any) -> ClientEvent:
    return command("conversation.item.create", event_id=event_id, item={**USER, **item})


def about_item(name: str, **item: Any) -> RealtimeEvent:
    return server_event(f"conversation.item.{name}", item={**USER, **item})


def test_pain_09_an_error_names_its_command() -> None:
    update, commit = (
        command("session.update", event_id="1", **SESSION),
        command("input_audio_buffer.commit", event_id="2"),
    )
    pending = waiting(update, commit)
    assert answered_by(pending, rejected("2")) is commit
    assert answered_by(pending, rejected("2")) is None
    assert len(pending) == 1


def test_pain_09_an_error_without_an_id_is_read_by_its_code_and_by_the_order() -> None:
    update, commit = (
        command("session.update", event_id="1", **SESSION),
        command("input_audio_buffer.commit", event_id="2"),
    )
    pending = waiting(update, commit)
    assert answered_by(pending, rejected(None, "response_cancel_not_active")) is None
    assert answered_by(pending, rejected(None, "input_audio_buffer_commit_empty")) is commit
    assert answered_by(pending, rejected(None, "brand_new")) is update
    assert answered_by(pending, rejected(None)) is None


def test_an_error_without_an_id_is_read_by_the_field_that_it_names() -> None:
    create_response, update = (
        command("response.create", event_id="1"),
        command("session.update", event_id="2", **SESSION),
    )
    pending = waiting(create_response, update)
    about = {"type": "invalid_request_error", "code": "invalid_value", "message": "no", "event_id": None}
    threshold = server_event("error", error={**about, "param": "session.audio.input.turn_detection.threshold"})
    assert answered_by(pending, threshold) is update
    assert answered_by(pending, threshold) is None
    assert answered_by(pending, server_event("error", error={**about, "param": "brand_new"})) is create_response


ITEM = {"item_id": "i"}
COMMANDS: dict[str, dict[str, Any]] = {
    "session.update": SESSION,
    "response.create": {},
    "input_audio_buffer.commit": {},
    "conversation.item.create": {"item": USER},
    "conversation.item.delete": ITEM,
    "conversation.item.retrieve": ITEM,
    "conversation.item.truncate": {**ITEM, "content_index": 0, "audio_end_ms": 0},
    "response.cancel": {},
}


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("cannot_update_voice", "session.update"),
        ("conversation_already_has_active_response", "response.create"),
        ("input_audio_buffer_commit_empty", "input_audio_buffer.commit"),
        ("invalid_tool_call_id", "conversation.item.create"),
        ("item_delete_invalid_item_id", "conversation.item.delete"),
        ("item_retrieve_invalid_item_id", "conversation.item.retrieve"),
        ("item_truncate_invalid_audio_end_ms", "conversation.item.truncate"),
        ("item_truncate_invalid_item_id", "conversation.item.truncate"),
        ("response_cancel_not_active", "response.cancel"),
    ],
)
def test_pain_09_a_code_that_only_one_command_has_names_it_among_all(code: str, name: str) -> None:
    sent = {each: command(each, event_id=each, **fields) for each, fields in COMMANDS.items()}
    first = "session.update" if name != "session.update" else "response.create"
    pending = waiting(sent[first], *(event for each, event in sent.items() if each != first))
    assert answered_by(pending, rejected(None, code)) is sent[name]


def test_a_turn_of_the_user_s_speech_does_not_answer_a_typed_message() -> None:
    text, audio = {"type": "input_text", "text": "hi"}, {"type": "input_audio", "transcript": None}
    typed = create("1", content=[text])
    pending = waiting(typed)
    assert answered_by(pending, about_item("added", content=[audio])) is None
    assert answered_by(pending, about_item("added", content=[text])) is typed


def test_acknowledgements_answer_the_oldest_command_that_they_fit() -> None:
    named = create("1", id="mine")
    nameless = create("2")
    delete = command("conversation.item.delete", event_id="3", item_id="x")
    cancel = command("response.cancel", event_id="4", response_id="r1")
    retrieve = command("conversation.item.retrieve", event_id="5", item_id="mine")
    pending = waiting(named, nameless, delete, cancel, retrieve)
    model_item = {"type": "message", "id": "a", "role": "assistant", "content": []}
    assert answered_by(pending, server_event("conversation.item.added", item=model_item)) is None
    assert answered_by(pending, about_item("added", id="n")) is nameless
    assert answered_by(pending, about_item("added", id="mine")) is named
    assert answered_by(pending, server_event("conversation.item.deleted", item_id="y")) is None
    assert answered_by(pending, server_event("conversation.item.deleted", item_id="x")) is delete
    assert answered_by(pending, server_event("response.done", response={"id": "r2"})) is None
    assert answered_by(pending, server_event("response.done", response={"id": "r1"})) is cancel
    assert answered_by(pending, about_item("retrieved", id="mine")) is retrieve
    assert (
        answered_by(pending, server_event("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)) is None
    )
    assert len(pending) == 0


def test_an_acknowledgement_of_what_the_server_did_by_itself_does_not_hide_the_error() -> None:
    create = command("response.create", event_id="1")
    pending = waiting(create)
    assert answered_by(pending, server_event("response.created", response={"id": "vad"})) is create
    assert answered_by(pending, rejected("1")) is create


def test_appends_and_commands_without_an_id_are_not_waited_for() -> None:
    pending = waiting(command("input_audio_buffer.append", event_id="1", audio=""))
    pending.sent(RealtimeEvent.from_json({"type": "input_audio_buffer.commit"}))  # type: ignore[arg-type]  # it is one
    assert len(pending) == 0


def test_what_waits_is_bounded_and_forgotten_with_the_connection() -> None:
    pending = waiting(*(command("input_audio_buffer.clear", event_id=str(number)) for number in range(300)))
    assert len(pending) == 256
    assert answered_by(pending, rejected("0")) is None
    pending.clear()
    assert len(pending) == 0


def test_an_item_that_the_server_makes_answers_no_create_of_another_kind() -> None:
    output = {"type": "function_call_output", "call_id": "c", "output": ""}
    event = command("conversation.item.create", event_id="1", item=output)
    pending = waiting(event)
    call = {"type": "function_call", "id": "f", "name": "n", "call_id": "c", "arguments": ""}
    assert answered_by(pending, server_event("conversation.item.added", item=call, previous_item_id=None)) is None
    made = {**output, "id": "o"}
    assert answered_by(pending, server_event("conversation.item.added", item=made, previous_item_id=None)) is event
