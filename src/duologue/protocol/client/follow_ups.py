"""After function calls: which responses have them, and the request that asks the model to go on."""

from __future__ import annotations

from duologue.protocol.client.notices import CallsAnswered, RequestEnded
from duologue.protocol.client.responses.requests import response_id_of
from duologue.protocol.client.responses.sequencer import ResponseSequencer
from duologue.protocol.client.tools.calls import ToolCalls

__all__ = ["calls_answered", "requests_ended"]


def requests_ended(sequencer: ResponseSequencer, calls: ToolCalls) -> list[RequestEnded]:
    """The requests that have ended since the last call, each with whether its response has calls."""
    return [
        RequestEnded(
            resolution,
            calls_follow=resolution.done is not None and calls.has_calls(response_id_of(resolution.done.response)),
        )
        for resolution in sequencer.take_resolutions()
    ]


def calls_answered(sequencer: ResponseSequencer, calls: ToolCalls, *, goes_on: bool, now: float) -> list[CallsAnswered]:
    """The responses whose calls have all ended since the last call. The model is asked to go on, if it is to.

    Rule `tool_loop`: one create is enough for all outputs that are sent before it.
    """
    ended = calls.take_ended()
    request_id: str | None = None
    if goes_on and any(continues for _, continues in ended):
        request_id = (sequencer.unsent or sequencer.request(now=now)).request_id
    return [
        CallsAnswered(response_id=response_id, continued_by=request_id if continues else None)
        for response_id, continues in ended
    ]
