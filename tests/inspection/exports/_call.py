"""A call with a row of every kind."""

from __future__ import annotations

from duologue.inspection.view import (
    CallError,
    CallInterruption,
    CallMark,
    CallResponse,
    CallTool,
    CallTurn,
    CallView,
    HeardPart,
    PlayedSpan,
)

__all__ = ["call"]


def call() -> CallView:
    """One turn, answered, interrupted, with a function, an error and a mark."""
    turn = CallTurn(
        number=1,
        kind="speech",
        speech_started_s=0.5,
        end_of_speech_s=1.5,
        user_text="what\ttime\nis it",
        first_audio_s=2.0,
        first_heard_s=2.25,
        response_ids=["r1"],
    )
    heard = HeardPart(
        item_id="i1",
        content_index=0,
        response_id="r1",
        first_arrived_s=2.0,
        first_heard_s=2.25,
        arrived_ms=3000,
        heard_ms=1000,
        cut_by="playback",
        spans=[PlayedSpan(begin_s=2.25, end_s=5.25, media_ms=0)],
    )
    cut = CallInterruption(
        at_s=3.0,
        turn=1,
        item_id="i1",
        content_index=0,
        heard_ms=1000,
        arrived_ms=3000,
        cut_by="playback",
        silent_s=3.25,
    )
    return CallView(
        session_id="sess_1",
        last_at_s=6.0,
        turns=[turn, CallTurn(number=2, kind="typed", end_of_speech_s=5.0), CallTurn(number=3, kind="unasked")],
        responses=[
            CallResponse(response_id="r1", turn=1, created_s=1.75, done_s=2.5, status="completed", text="It is noon."),
            CallResponse(response_id="r2", turn=2, requested_s=5.0, created_s=5.5),
        ],
        heard=[heard],
        interruptions=[cut],
        tools=[
            CallTool(call_id="c1", name="clock", turn=1, asked_s=1.75, arguments="{}", began_s=1.75, ended_s=2.0),
            CallTool(call_id="c2", turn=1),
        ],
        errors=[CallError(at_s=4.0, code="rate_limit", message="slower")],
        marks=[CallMark(at_s=4.5, kind="mark", text="here")],
    )
