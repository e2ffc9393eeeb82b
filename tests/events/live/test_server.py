"""Events of a Live server: audio, and the events of the Responses API that one must act on."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.events.live import LiveFunctionCall, LiveMcpTool, LiveOutputAudioDeltaEvent, LiveResponseEvent

CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "track", "arguments": "{}"}


def test_a_piece_of_sound_is_bytes() -> None:
    assert LiveOutputAudioDeltaEvent(delta="AAEC").decode_audio() == b"\x00\x01\x02"
    with pytest.raises(ValueError, match="not base64"):
        LiveOutputAudioDeltaEvent(delta="é").decode_audio()


def test_a_call_is_read_from_the_event_that_completes_it() -> None:
    event = LiveResponseEvent(event={"type": "response.output_item.done", "item": CALL})
    assert event.function_call == LiveFunctionCall(call_id="call_1", name="track", arguments="{}")
    assert LiveResponseEvent(event={"type": "response.output_item.added", "item": CALL}).function_call is None


@pytest.mark.parametrize(
    "item", [None, [], {}, {**CALL, "type": "message"}, {**CALL, "call_id": 3}, {**CALL, "name": None}], ids=repr
)
def test_what_is_no_call_is_none(item: Any) -> None:
    assert LiveResponseEvent(event={"type": "response.output_item.done", "item": item}).function_call is None


def test_a_call_without_arguments_has_none() -> None:
    event = LiveResponseEvent(event={"type": "response.output_item.done", "item": {**CALL, "arguments": None}})
    assert event.function_call == LiveFunctionCall(call_id="call_1", name="track", arguments="")


def test_keys_of_an_mcp_server_are_not_shown() -> None:
    shown = repr(LiveMcpTool(server_label="l", authorization="Bearer s3cret", headers={"x": "s3cret"}))
    assert "s3cret" not in shown
