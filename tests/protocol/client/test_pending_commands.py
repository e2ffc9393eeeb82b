"""Which command an answer is about."""

from __future__ import annotations

from typing import Any

from duologue.events import ClientEvent, RealtimeEvent
from duologue.protocol.client.pending_commands import Unanswered


def command(name: str, event_id: str, **fields: Any) -> ClientEvent:
    event = RealtimeEvent.from_json({"type": name, "event_id": event_id, **fields})
    assert isinstance(event, ClientEvent)
    return event


def answer(name: str, **fields: Any) -> RealtimeEvent:
    event = RealtimeEvent.from_json({"type": name, "event_id": "e", **fields})
    assert event.type == name, event
    return event


def refused(event_id: str | None, code: str | None = None) -> RealtimeEvent:
    error = {"type": "invalid_request_error", "message": "", "code": code, "event_id": event_id}
    return answer("error", error=error)


def answered_by(unanswered: Unanswered, event: RealtimeEvent) -> ClientEvent | None:
    """The command that the event answers."""
    return unanswered.receive(event).command


def waiting(*commands: ClientEvent) -> Unanswered:
    unanswered = Unanswered()
    for event in commands:
        unanswered.sent(event)
    return unanswered


SESSION = {"session": {"type": "realtime"}}
USER = {"item": {"type": "message", "role": "user", "content": []}}


def test_pain_09_an_error_names_its_command() -> None:
    update, commit = command("session.update", "1", **SESSION), command("input_audio_buffer.commit", "2")
    unanswered = waiting(update, commit)
    assert answered_by(unanswered, refused("2")) is commit
    assert answered_by(unanswered, refused("2")) is None
    assert len(unanswered) == 1


def test_pain_09_an_error_without_an_id_is_read_by_its_code_and_by_the_order() -> None:
    update, commit = command("session.update", "1", **SESSION), command("input_audio_buffer.commit", "2")
    unanswered = waiting(update, commit)
    assert answered_by(unanswered, refused(None, "response_cancel_not_active")) is None
    assert answered_by(unanswered, refused(None, "input_audio_buffer_commit_empty")) is commit
    assert answered_by(unanswered, refused(None, "brand_new")) is update
    assert answered_by(unanswered, refused(None)) is None


def test_what_the_user_says_meanwhile_does_not_answer_what_was_typed() -> None:
    text, audio = {"type": "input_text", "text": "hi"}, {"type": "input_audio", "transcript": None}
    typed = command("conversation.item.create", "1", item={**USER["item"], "content": [text]}, previous_item_id="root")
    unanswered = waiting(typed)
    assert answered_by(unanswered, answer("conversation.item.added", item={**USER["item"], "content": [audio]})) is None
    assert answered_by(unanswered, answer("conversation.item.added", item={**USER["item"], "content": [text]})) is typed


def test_acknowledgements_answer_the_oldest_command_that_they_fit() -> None:
    named = command("conversation.item.create", "1", item={**USER["item"], "id": "mine"})
    nameless = command("conversation.item.create", "2", **USER)
    delete = command("conversation.item.delete", "3", item_id="x")
    cancel = command("response.cancel", "4", response_id="r1")
    retrieve = command("conversation.item.retrieve", "5", item_id="mine")
    unanswered = waiting(named, nameless, delete, cancel, retrieve)
    model_item = {"type": "message", "id": "a", "role": "assistant", "content": []}
    assert answered_by(unanswered, answer("conversation.item.added", item=model_item)) is None
    assert answered_by(unanswered, answer("conversation.item.added", item={**USER["item"], "id": "n"})) is nameless
    assert answered_by(unanswered, answer("conversation.item.added", item={**USER["item"], "id": "mine"})) is named
    assert answered_by(unanswered, answer("conversation.item.deleted", item_id="y")) is None
    assert answered_by(unanswered, answer("conversation.item.deleted", item_id="x")) is delete
    assert answered_by(unanswered, answer("response.done", response={"id": "r2"})) is None
    assert answered_by(unanswered, answer("response.done", response={"id": "r1"})) is cancel
    assert (
        answered_by(unanswered, answer("conversation.item.retrieved", item={**USER["item"], "id": "mine"})) is retrieve
    )
    assert answered_by(unanswered, answer("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)) is None
    assert len(unanswered) == 0


def test_an_acknowledgement_of_what_the_server_did_by_itself_does_not_hide_the_error() -> None:
    create = command("response.create", "1")
    unanswered = waiting(create)
    assert answered_by(unanswered, answer("response.created", response={"id": "vad"})) is create
    assert answered_by(unanswered, refused("1")) is create


def test_appends_and_commands_without_an_id_are_not_waited_for() -> None:
    unanswered = waiting(command("input_audio_buffer.append", "1", audio=""))
    unanswered.sent(RealtimeEvent.from_json({"type": "input_audio_buffer.commit"}))  # type: ignore[arg-type]  # it is one
    assert len(unanswered) == 0


def test_what_waits_is_bounded_and_forgotten_with_the_connection() -> None:
    unanswered = waiting(*(command("input_audio_buffer.clear", str(number)) for number in range(300)))
    assert len(unanswered) == 256
    assert answered_by(unanswered, refused("0")) is None
    unanswered.clear()
    assert len(unanswered) == 0


def test_an_item_that_the_server_makes_answers_no_create_of_another_kind() -> None:
    output = {"type": "function_call_output", "call_id": "c", "output": ""}
    create = command("conversation.item.create", "1", item=output)
    unanswered = waiting(create)
    call = {"type": "function_call", "id": "f", "name": "n", "call_id": "c", "arguments": ""}
    assert answered_by(unanswered, answer("conversation.item.added", item=call, previous_item_id=None)) is None
    made = {**output, "id": "o"}
    assert answered_by(unanswered, answer("conversation.item.added", item=made, previous_item_id=None)) is create
