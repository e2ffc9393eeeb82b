"""What faults make of a message."""

from __future__ import annotations

import base64
import binascii
import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue import decode
from duologue.faults import parse_fault
from duologue.faults.changes import CHANGES

DONE = {
    "type": "response.done",
    "response": {"id": "resp_1", "status": "completed", "output": [{"status": "completed"}]},
}
AUDIO = {"type": "response.output_audio.delta", "delta": base64.b64encode(bytes(300)).decode()}


def changed(text: str, message: str | bytes) -> tuple[str | bytes, ...] | None:
    fault = parse_fault(text)
    return CHANGES[fault.name](fault, message, Random(1))


def only(text: str, message: str) -> str | bytes:
    result = changed(text, message)
    assert result is not None
    assert len(result) == 1
    return result[0]


def test_a_message_comes_twice_or_not_at_all() -> None:
    assert changed("duplicate", "{}") == ("{}", "{}")
    assert changed("drop", b"{}") == ()


def test_a_message_is_cut_and_never_whole() -> None:
    assert changed("truncate", "0123456789") == ("01234",)
    assert changed("truncate keep=1", "0123456789") == ("012345678",)
    assert changed("truncate keep=0", b"0123") == (b"",)
    assert changed("truncate", "") == ("",)


def test_audio_is_no_base64_any_more_and_the_event_is_still_one() -> None:
    message = only("bad_base64", json.dumps(AUDIO))
    event: dict[str, Any] = json.loads(message)
    assert len(event["delta"]) == len(AUDIO["delta"])
    with pytest.raises(binascii.Error):
        base64.b64decode(event["delta"], validate=True)
    assert changed("bad_base64", json.dumps(DONE)) is None
    assert changed("bad_base64", "no event") is None


def test_a_field_more_is_at_the_top_and_in_each_object_inside() -> None:
    message = only("new_field name=later", json.dumps(DONE))
    event: dict[str, Any] = json.loads(message)
    assert event["later"] == event["response"]["later"] == {"is_new": True}
    assert decode(message).type == "response.done"
    assert changed("new_field", "[]") is None


def test_an_unknown_value_stands_wherever_the_field_does() -> None:
    message = only("new_enum", json.dumps(DONE))
    response = json.loads(message)["response"]
    assert response["status"] == response["output"][0]["status"] == "of_a_newer_server"
    assert changed("new_enum", json.dumps(AUDIO)) is None
    assert changed("new_enum", "<html>") is None


def test_text_becomes_a_binary_message() -> None:
    assert changed("binary", "grün") == ("grün".encode(),)
    assert changed("binary", b"{}") is None


def test_a_page_comes_in_place_of_the_message() -> None:
    message = only("not_json", json.dumps(DONE))
    assert str(message).startswith("<html>")


@given(st.sampled_from(sorted(CHANGES)), st.text(max_size=50) | st.binary(max_size=50))
def test_no_message_is_too_strange(name: str, message: str | bytes) -> None:
    result = changed(name, message)
    assert result is None or all(isinstance(each, str | bytes) for each in result)
