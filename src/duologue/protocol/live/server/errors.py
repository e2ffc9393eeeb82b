"""Refused commands of Live: the codes and messages with which the server answers them.

The codes are the published ones where one is published for the case, else those of Realtime.
"""

from __future__ import annotations

from typing import Any, Final

from duologue.events import UNSET, is_set
from duologue.events.live import LiveError, LiveErrorEvent
from duologue.protocol.server.errors import InvalidRequest

__all__ = ["REFUSALS", "RefusedCommand", "error_event"]

REFUSALS: Final[dict[str, tuple[str, str]]] = {
    "not_json": ("invalid_json", "Invalid event: failed to parse JSON value: {reason}."),
    "missing": ("missing_required_parameter", "Missing required parameter: '{param}'."),
    "unknown_type": ("invalid_value", "Invalid value: {value!r}. Supported values are: {supported}."),
    "unknown_parameter": ("unknown_parameter", "Unknown parameter: '{param}'."),
    "wrong_type": ("invalid_value", "Invalid value for '{param}': expected {expected}, but got {got}."),
    "wrong_value": ("invalid_value", "Invalid value for '{param}': {reason}."),
    "too_many_objects": ("invalid_value", "Invalid event: expected up to {max} objects in it."),
    "too_long": ("invalid_value", "Invalid value for '{param}': expected up to {max} {unit}, but got {got}."),
    "not_supported": ("invalid_value", "Invalid value for '{param}': {value} is not supported by this server."),
    "not_started": ("invalid_value", "The session has not started: send 'session.start' first."),
    "start_refused": ("invalid_value", "The session was refused, and this connection is about to be closed."),
    "started_twice": ("invalid_value", "The session has started already; 'session.start' is sent once."),
    "start_overdue": ("invalid_value", "Expected 'session.start' within {seconds:g} s of the connection."),
    "closing": ("invalid_value", "The session is closing and takes no '{value}' any more."),
    "primary_only": ("invalid_value", "'{value}' is sent on the primary connection only."),
    "no_telephone": ("invalid_value", "The session has no telephone line, so there is nowhere to send a key to."),
    "immutable": ("immutable_field_update", "'{param}' is fixed when the session starts and cannot be updated."),
    "fork_fixed": ("immutable_field_update", "'{param}' is inherited from the stored session; a fork cannot set it."),
    "fork_delegation": (
        "immutable_field_update",
        "'{param}' can be set only in a fork of a session with responses delegation, and to that type.",
    ),
    "not_base64": ("invalid_audio", "Invalid value for '{param}': it is not base64-encoded audio."),
    "half_sample": ("invalid_audio", "Invalid value for '{param}': {got} bytes are no whole number of 16-bit samples."),
    "no_audio": ("invalid_audio", "Invalid value for '{param}': it holds no audio."),
    "clip_too_long": ("invalid_audio", "Invalid value for '{param}': expected up to {max_ms} ms, but got {got_ms} ms."),
    "too_far_ahead": (
        "rate_limit_exceeded",
        "Input audio is {ahead_ms} ms ahead of the clock and up to {max_ms} ms are kept; send it as it is spoken.",
    ),
    "clip_plays": ("invalid_value", "A fixture is being played; wait for 'session.output_audio.fixture.played'."),
    "too_many_appends": ("rate_limit_exceeded", "{max} appends wait for their place; wait for one to be confirmed."),
    "delegation_unknown": ("invalid_value", "Invalid value for '{param}': there is no delegation '{value}'."),
    "delegation_not_client": (
        "invalid_value",
        "Invalid value for '{param}': it must be null, because delegations to 'responses' are not answered by appends.",
    ),
    "not_placed": ("context_injection_incomplete", "The session ended before '{value}' had its place on the timeline."),
    "no_responses": ("invalid_value", "'{value}' needs a session whose delegation is of the type 'responses'."),
    "no_decisions": ("invalid_value", "'{value}' needs a session whose delegation is of the type 'decisions'."),
    "call_unknown": ("invalid_value", "Invalid value for '{param}': no call '{value}' waits for an output."),
    "call_answered": ("invalid_value", "Invalid value for '{param}': the call '{value}' has its output already."),
    "outputs_missing": (
        "function_call_outputs_required",
        "Send a 'function_call_output' for every pending call first; {count} are missing.",
    ),
    "items_full": (
        "response_input_buffer_full",
        "The response input buffer takes up to {max_items} items and {max_bytes} bytes; send 'response.create' first.",
    ),
    "too_many_requests": ("rate_limit_exceeded", "{max} requests wait for the response in progress."),
}
"""By name: the `code` on the wire, and the message with its placeholders."""


class RefusedCommand(Exception):
    """A command that the server refuses; the session stays as it was."""

    def __init__(self, name: str, *, param: str | None = None, **details: Any) -> None:
        code, template = REFUSALS[name]
        self.code: str = code
        self.param = param
        self.message: str = template.format(param=param, **details)
        super().__init__(self.message)

    @staticmethod
    def of(invalid: InvalidRequest) -> RefusedCommand:
        """The refusal for what Realtime's checks of frames and memory found."""
        refused = RefusedCommand("wrong_value", param=invalid.param, reason="")
        refused.code, refused.message = invalid.code or "invalid_value", invalid.message
        return refused

    def event(self, event_id: str, *, answers: str | None) -> LiveErrorEvent:
        """The `error` event; `answers` is the id of the refused command, if it had one."""
        return error_event(event_id, code=self.code, message=self.message, param=self.param, answers=answers)


def error_event(
    event_id: str,
    *,
    code: str,
    message: str,
    type: str = "invalid_request_error",
    param: str | None = None,
    answers: str | None = None,
) -> LiveErrorEvent:
    """An `error` event. The command that it answers is named in both places that are published."""
    reference = answers if is_set(answers) else UNSET
    return LiveErrorEvent(
        event_id=event_id,
        client_event_id=reference,
        error=LiveError(
            type=type,
            code=code,
            message=message,
            param=param if param is not None else UNSET,
            client_event_id=reference,
        ),
    )
