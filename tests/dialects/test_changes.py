"""What every row of the tables of dialects does: in reading, in writing, and where a field is missing."""

from __future__ import annotations

import json
from itertools import zip_longest
from typing import Any, Final

import pytest

from duologue.codec import EVENT_CLASSES
from duologue.dialects import PROFILES
from duologue.events import ServerEvent
from tests.codec.frames import required_fields
from tests.dialects.changes import FOLDER, WRITINGS, readings, writings

AGAIN: Final = "if this is what it should be: python -m tests.dialects.changes"


def differences(file: str, lines: list[str]) -> list[tuple[int, Any, Any]]:
    """The lines of a file that are not these: number, what stands there, what comes out."""
    kept = FOLDER.joinpath(file).read_text(encoding="utf-8").splitlines()
    pairs = enumerate(zip_longest(map(json.loads, kept), map(json.loads, lines)), 1)
    return [(number, one, other) for number, (one, other) in pairs if one != other]


@pytest.mark.parametrize("dialect", PROFILES)
def test_a_vendors_frames_are_recognised_and_read_as_the_file_says(dialect: str) -> None:
    assert differences(f"readings/{dialect}.jsonl", readings(dialect)) == [], AGAIN


def test_canonical_events_are_written_in_every_dialect_as_the_file_says() -> None:
    assert differences(WRITINGS, writings()) == [], AGAIN


# --- what may be missing ----------------------------------------------------------------------------------------------

STAND_INS: Final[dict[str, Any]] = {
    **dict.fromkeys(("event_id", "response_id", "item_id", "call_id", "name"), ""),
    **dict.fromkeys(("delta", "text", "transcript", "arguments"), ""),
    **dict.fromkeys(("output_index", "content_index", "audio_start_ms", "audio_end_ms"), 0),
    "usage": None,
    "part": {},
}
"""What docs/dialects.md promises in the place of what is missing: it says nothing, and an index says 0."""

_TURN: Final = {"audio_start_ms", "audio_end_ms", "content_index", "usage"}
_ANY: Final = {*_TURN, "response_id", "item_id", "call_id", "name", "output_index"}

MISSING: Final[dict[str, set[str]]] = {
    "openai": set(),
    "openai-beta": {
        "usage of conversation.item.input_audio_transcription.completed",
        "name of response.function_call_arguments.done",
        "response_id of output_audio_buffer.started",
        "response_id of output_audio_buffer.stopped",
        "response_id of output_audio_buffer.cleared",
    },
    "azure-preview": {
        "usage of conversation.item.input_audio_transcription.completed",
        "name of response.function_call_arguments.done",
    },
    "azure-voice-live": {"usage of conversation.item.input_audio_transcription.completed"},
    "xai": {*_TURN, "response_id", "item_id", "output_index", "part"},
    "qwen": _ANY,
    "glm": {*_ANY, "event_id"},
    "stepfun": {*_ANY, "event_id"},
    "inworld": {*_TURN, "output_index", "item_id", "response_id"},
    "yandex": _TURN,
    "together": {"event_id", "item_id", "content_index", "usage"},
    "vllm": {"event_id", "item_id", "content_index", "usage"},
    "vllm-omni": {*_ANY, "event_id"},
    "sglang": {*_ANY, "event_id"},
    "speaches": {"content_index", "output_index", "name", "usage"},
    "localai": {*_ANY, "event_id", "delta", "text", "transcript", "arguments"},
}
"""What each server leaves out: of any event that requires it, or of one."""


@pytest.mark.parametrize("dialect", PROFILES)
def test_an_event_without_any_field_gets_those_that_the_server_may_leave_out(dialect: str) -> None:
    profile = PROFILES[dialect]
    for name in (name for name, cls in EVENT_CLASSES.items() if issubclass(cls, ServerEvent)):
        theirs = {"type": profile.spelled(name)}
        if profile.canonical(theirs["type"]) != name:
            continue  # a name of theirs for another event
        ours = profile.read(theirs)
        lost: list[str] = []
        filled = {field: value for field, value in ours.items() if field not in ("type", "session")}
        missing = {field for field in required_fields(name) if {field, f"{field} of {name}"} & MISSING[dialect]}
        assert filled == {field: STAND_INS[field] for field in missing}
        # An index of 0 is an ordinary value, and so the only one to be written.
        indices = {field: 0 for field in missing if STAND_INS[field] == 0}
        assert (profile.write(ours, lost), lost) == ({**theirs, **indices}, [])


EMPTY_ITEMS: Final[list[tuple[dict[str, Any], dict[str, Any]]]] = [
    ({}, {"type": ""}),
    ({"type": "message"}, {"type": "message", "role": "", "content": []}),
    ({"type": "function_call"}, {"type": "function_call", "name": "", "arguments": ""}),
    ({"type": "function_call_output"}, {"type": "function_call_output", "call_id": "", "output": ""}),
]
WITH_ITEMS: Final = (
    *(
        "response.created",
        "response.done",
        "response.create",
        "response.output_item.added",
        "response.output_item.done",
    ),
    *(f"conversation.item.{event}" for event in ("created", "added", "done", "retrieved", "create")),
)


@pytest.mark.parametrize("dialect", [name for name in PROFILES if name not in ("openai", "together", "vllm")])
def test_items_and_parts_may_leave_out_what_the_beta_did_not_require(dialect: str) -> None:
    profile = PROFILES[dialect]
    parts = [{"type": kind} for kind in ("text", "input_text", "output_text")]
    for name in WITH_ITEMS:
        for theirs, ours in EMPTY_ITEMS:
            event = profile.read(_with_item(name, theirs))
            assert _item_of(event) == ours
            # What is empty is written; but grok leaves out the content of a message.
            written = _item_of(profile.write(event, []))
            assert written == {field: value for field, value in ours.items() if field in written or field != "content"}
        message = profile.read(_with_item(name, {"type": "message", "content": parts}))
        for event in (message, profile.write(message, [])):
            assert [part["text"] for part in _item_of(event)["content"]] == ["", "", ""]
    for name in ("response.content_part.added", "response.content_part.done"):
        read = [profile.read({"type": name, "part": part}) for part in parts]
        assert [event["part"]["text"] for event in read] == ["", "", ""]


def _with_item(name: str, item: dict[str, Any]) -> dict[str, Any]:
    if name in ("response.created", "response.done"):
        return {"type": name, "response": {"output": [item]}}
    if name == "response.create":
        return {"type": name, "response": {"input": [item]}}
    return {"type": name, "item": item}


def _item_of(event: dict[str, Any]) -> Any:
    response = event.get("response", {})
    return next(iter((*response.get("output", ()), *response.get("input", ()), event.get("item"))))
