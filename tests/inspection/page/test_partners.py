"""Which frame belongs to which."""

from __future__ import annotations

from typing import Any

from duologue.inspection.page.partners import Partners


def partners(*frames: tuple[str, str, dict[str, Any]]) -> list[int]:
    found = Partners()
    for number, (by, name, content) in enumerate(frames):
        found.push(number, by, name, {"type": name, **content})
    return [found.of(number) for number in range(len(frames))]


def test_an_answer_belongs_to_its_request_by_item_or_by_order() -> None:
    assert partners(
        ("client", "session.update", {}),
        ("client", "conversation.item.delete", {"item_id": "a"}),
        ("client", "conversation.item.delete", {"item_id": "b"}),
        ("server", "conversation.item.deleted", {"item_id": "b"}),
        ("server", "session.updated", {}),
        ("server", "conversation.item.deleted", {"item_id": "a"}),
    ) == [4, 5, 3, 2, 0, 1]


def test_an_error_belongs_to_what_caused_it_and_the_next_request_gets_the_response() -> None:
    assert partners(
        ("client", "response.create", {"event_id": "one"}),
        ("client", "response.create", {"event_id": "two"}),
        ("server", "error", {"error": {"event_id": "one"}}),
        ("server", "response.created", {"response": {"id": "r"}}),
        ("server", "response.done", {"response": {"id": "r"}}),
    ) == [2, 3, 0, 1, 3]


def test_an_output_of_a_function_belongs_to_its_call() -> None:
    assert partners(
        ("server", "response.function_call_arguments.done", {"call_id": "c", "item_id": "i"}),
        ("client", "conversation.item.create", {"item": {"type": "function_call_output", "call_id": "c"}}),
    ) == [1, 0]


def test_the_end_of_speech_belongs_to_its_beginning_and_pieces_to_their_response() -> None:
    assert partners(
        ("server", "input_audio_buffer.speech_started", {"item_id": "u"}),
        ("server", "input_audio_buffer.speech_stopped", {"item_id": "u"}),
        ("server", "response.created", {"response": {"id": "r"}}),
        ("server", "response.output_audio.delta", {"response_id": "r", "item_id": "m"}),
    ) == [1, 0, -1, 2]


def test_a_live_server_names_the_command() -> None:
    assert partners(
        ("client", "session.instructions.append", {"event_id": "one"}),
        ("client", "session.instructions.append", {"event_id": "two"}),
        ("server", "session.instructions.appended", {"client_event_id": "two"}),
    ) == [-1, 2, 1]


def test_odd_content_belongs_to_nothing() -> None:
    assert partners(
        ("server", "error", {"error": 7}), ("client", "x", {"item": [], "response": "r", "event_id": 5})
    ) == [-1, -1]
    assert Partners().of(3) == -1


def test_what_is_remembered_is_bounded() -> None:
    found = Partners()
    for number in range(5000):
        found.push(number, "client", "session.update", {"event_id": f"e{number}", "item_id": f"i{number}"})
    assert len(found._sent) <= 2048
    assert len(found._named) <= 2048
    assert len(found._first) <= 2048
