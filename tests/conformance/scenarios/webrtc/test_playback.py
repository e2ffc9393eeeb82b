"""Servers that play their answers otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance._calls import failed_over_calls
from tests.conformance._servers import Change, also, drop, edit, rename, repeat, swap

STARTED, STOPPED, CLEARED = (f"output_audio_buffer.{each}" for each in ("started", "stopped", "cleared"))
TRUNCATED = "conversation.item.truncated"


@pytest.mark.parametrize(
    ("change", "only", "rules"),
    [
        pytest.param(None, "playback.webrtc", set(), id="a correct server plays"),
        pytest.param(None, "barge_in.webrtc", set(), id="a correct server is interrupted"),
        pytest.param(None, "webrtc.clear", set(), id="a correct server is stopped"),
        pytest.param(drop(STOPPED), "playback.webrtc", {"playback.webrtc"}, id="no stopped"),
        pytest.param(drop(STARTED), "playback.webrtc", {"playback.webrtc", "playback_once"}, id="no started"),
        pytest.param(repeat(STARTED), "playback.webrtc", {"playback.webrtc", "playback_once"}, id="started twice"),
        pytest.param(also(STOPPED, CLEARED), "playback.webrtc", {"playback_once"}, id="stopped and cleared"),
        pytest.param(swap("response.done", STOPPED), "playback.webrtc", {"playback.webrtc"}, id="stopped too early"),
        pytest.param(
            also("response.output_audio_transcript.delta", "response.output_audio.delta"),
            "playback.webrtc",
            {"no_audio_delta"},
            id="audio deltas",
        ),
        pytest.param(
            edit("response.content_part.added", "part.type", "text"),
            "playback.webrtc",
            {"playback_spoken"},
            id="text is played",
        ),
        pytest.param(drop(TRUNCATED), "barge_in.webrtc", {"barge_in.webrtc"}, id="no truncation"),
        pytest.param(drop(CLEARED), "barge_in.webrtc", {"barge_in.webrtc"}, id="playback is not cleared"),
        pytest.param(
            edit(TRUNCATED, "audio_end_ms", 90_000),
            "barge_in.webrtc",
            {"webrtc.truncated_at"},
            id="truncated elsewhere",
        ),
        pytest.param(rename(CLEARED, "error"), "webrtc.clear", {"webrtc.clear"}, id="clear is an error"),
        pytest.param(
            edit(CLEARED, "response_id", "resp_other"),
            "webrtc.clear",
            {"webrtc.clear", "playback_once", "playback_spoken"},
            id="another response",
        ),
        pytest.param(drop("conversation.item.retrieved"), "webrtc.retrieved", {"webrtc.retrieved"}, id="not retrieved"),
    ],
)
async def test_a_fault_fails_the_rules_about_it(change: Change | None, only: str, rules: set[str]) -> None:
    assert await failed_over_calls(change, only) == rules


@pytest.mark.parametrize("only", ["webrtc.track", "webrtc.g711"])
async def test_a_server_whose_track_is_silent(only: str) -> None:
    assert await failed_over_calls(None, only, mute=True) == {only}


async def test_a_server_that_lets_itself_be_interrupted_where_it_must_not() -> None:
    started: list[dict[str, Any]] = []

    def clears(event: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        if event["type"] == STARTED:
            started.append(event)
        if event["type"] == "input_audio_buffer.speech_started" and started:
            return event, {**started[-1], "event_id": "event_more", "type": CLEARED}
        return () if event["type"] == STOPPED else (event,)

    assert await failed_over_calls(clears, "webrtc.no_interrupt") == {"webrtc.no_interrupt"}


async def test_a_server_that_answers_a_needless_clear_with_an_error() -> None:
    updates: list[str] = []

    def refuses(event: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        # The last session.updated answers the command behind the needless one.
        if event["type"] == "session.updated":
            updates.append(event["event_id"])
            if len(updates) == 2:
                error = {"type": "invalid_request_error", "code": "x", "message": "Nothing plays.", "param": None}
                return ({"type": "error", "event_id": "event_e", "error": {**error, "event_id": None}},)
        return (event,)

    assert await failed_over_calls(refuses, "webrtc.clear_idle") == {"webrtc.clear_idle"}
