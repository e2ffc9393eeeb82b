"""The events that faults add to a session, in its family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from duologue.codec.jsontext import write_text
from duologue.faults.planned import PlannedFault

__all__ = ["MadeEvents"]

_EXPIRED: Final = "Your session hit the maximum duration of 60 minutes."

_MESSAGES: Final[Mapping[str, tuple[str, str]]] = {
    "session_expired": ("invalid_request_error", _EXPIRED),
    "invalid_api_key": ("invalid_request_error", "Incorrect API key provided."),
    "insufficient_quota": (
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "billing_hard_limit_reached": ("insufficient_quota", "Billing hard limit has been reached."),
    "account_deactivated": ("invalid_request_error", "The account of this key has been deactivated."),
    "rate_limit_exceeded": ("rate_limit_error", "Rate limit reached. Please try again later."),
    "server_error": ("server_error", "The server had an error while processing your request. Sorry about that!"),
    "conversation_already_has_active_response": (
        "invalid_request_error",
        "Conversation already has an active response in progress. Wait until the response is finished.",
    ),
    "response_cancel_not_active": ("invalid_request_error", "Cancellation failed: no active response found"),
    "input_audio_buffer_commit_empty": (
        "invalid_request_error",
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio.",
    ),
    "beta_api_shape_disabled": ("invalid_request_error", "The Realtime Beta API is no longer supported."),
}
"""Type and message of the errors that hosted services were seen to send; others are `invalid_request_error`."""

_TOKENS: Final = 40_000


class MadeEvents:
    """Makes the events of one connection. `is_live` says which family: their errors differ."""

    def __init__(self) -> None:
        self.is_live = False
        self._made = 0

    def error(self, code: str, message: str = "") -> str:
        """An error that answers no event of the client."""
        kind, usual = _MESSAGES.get(code, ("invalid_request_error", f"The server refused this: {code}."))
        answers = "client_event_id" if self.is_live else "event_id"
        error = {"type": kind, "code": code, "message": message or usual, "param": None, answers: None}
        return self._event("error", error=error)

    def expired(self) -> str:
        """The end of a session whose time is up."""
        if self.is_live:
            return self._event("session.closed", reason="expired", usage={"seconds": 3600})
        return self.error("session_expired")

    def rate_limited(self, reset_s: float) -> tuple[str, ...]:
        """Nothing is left; Live has no event for how much there is."""
        refused = self.error("rate_limit_exceeded")
        if self.is_live:
            return (refused,)
        limit = {"name": "tokens", "limit": _TOKENS, "remaining": 0, "reset_seconds": reset_s}
        return self._event("rate_limits.updated", rate_limits=[limit]), refused

    def unknown(self, fault: PlannedFault) -> str:
        """An event of an unknown type."""
        return self._event(fault.text("type"), data={"is_new": True})

    def oversize(self, fault: PlannedFault, *, by_client: bool) -> str:
        """A message that is too large."""
        size = int(fault.number("MB") * 1e6)
        if by_client:
            name = "session.input_audio.append" if self.is_live else "input_audio_buffer.append"
            return self._event(name, audio="A" * (size - size % 4))
        if self.is_live:
            return self._event("session.output_audio.delta", delta="A" * (size - size % 4))
        content = [{"type": "input_text", "text": "x" * size}]
        item = {"id": "item_oversize", "type": "message", "role": "user", "status": "completed", "content": content}
        return self._event("conversation.item.added", previous_item_id=None, item=item)

    def second_response(self) -> str:
        """A request for a response that the client knows nothing of."""
        return self._event("response.create")

    def _event(self, type_name: str, **fields: Any) -> str:
        self._made += 1
        event = {"type": type_name, "event_id": f"event_fault_{self._made}", **fields}
        return write_text(event).decode("utf-8")
