"""What an `error` event means for the client: most errors end neither the session nor a response."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from duologue.events import ErrorEvent, RealtimeError, is_set

__all__ = ["ERROR_KINDS", "ErrorKind", "classify"]


class ErrorKind(Enum):
    """What to do about an `error`."""

    BENIGN = "benign"
    """The command asks for what is already the case: nothing to do."""
    ANSWERABLE = "answerable"
    """A command was rejected and nothing has changed: the sender must send another one, or do without it."""
    RETRYABLE = "retryable"
    """The same command can succeed later."""
    SESSION_ENDING = "session-ending"
    """The server closes the connection, or does nothing more on it."""


ERROR_KINDS: Final[Mapping[str, ErrorKind]] = {
    "account_deactivated": ErrorKind.SESSION_ENDING,
    "array_above_max_length": ErrorKind.ANSWERABLE,
    "beta_api_shape_disabled": ErrorKind.SESSION_ENDING,
    "billing_hard_limit_reached": ErrorKind.SESSION_ENDING,
    "cannot_update_voice": ErrorKind.ANSWERABLE,
    "conversation_already_has_active_response": ErrorKind.RETRYABLE,
    "input_audio_buffer_commit_empty": ErrorKind.ANSWERABLE,
    "insufficient_quota": ErrorKind.SESSION_ENDING,
    "integer_below_min_value": ErrorKind.ANSWERABLE,
    "invalid_api_key": ErrorKind.SESSION_ENDING,
    "invalid_event": ErrorKind.ANSWERABLE,
    "invalid_json": ErrorKind.ANSWERABLE,
    "invalid_model": ErrorKind.SESSION_ENDING,
    "invalid_tool_call_id": ErrorKind.ANSWERABLE,
    "invalid_value": ErrorKind.ANSWERABLE,
    "item_delete_invalid_item_id": ErrorKind.ANSWERABLE,
    "item_retrieve_invalid_item_id": ErrorKind.ANSWERABLE,
    "item_truncate_invalid_audio_end_ms": ErrorKind.BENIGN,
    "item_truncate_invalid_item_id": ErrorKind.ANSWERABLE,
    "missing_model": ErrorKind.SESSION_ENDING,
    "missing_required_parameter": ErrorKind.ANSWERABLE,
    "rate_limit_exceeded": ErrorKind.RETRYABLE,
    "response_cancel_not_active": ErrorKind.BENIGN,
    "server_error": ErrorKind.RETRYABLE,
    "server_overloaded": ErrorKind.RETRYABLE,
    "session_expired": ErrorKind.SESSION_ENDING,
    "string_above_max_length": ErrorKind.ANSWERABLE,
    "unknown_parameter": ErrorKind.ANSWERABLE,
}
"""By `error.code`."""

_BENIGN_MESSAGES: Final = ("is already shorter than", "only model output audio messages can be truncated")
"""Parts of messages whose code is absent or less precise: there is nothing left to truncate."""

_KINDS_BY_TYPE: Final[Mapping[str, ErrorKind]] = {
    "server_error": ErrorKind.RETRYABLE,
    "rate_limit_error": ErrorKind.RETRYABLE,
    "authentication_error": ErrorKind.SESSION_ENDING,
}
"""By `error.type`, where the code is unknown."""


def classify(error: ErrorEvent | RealtimeError) -> ErrorKind:
    """The kind of an error, by its message, its code and its type, in this order.

    An error in none of the tables is answerable: most errors are recoverable and leave the session open
    (https://platform.openai.com/docs/api-reference/realtime-server-events/error). If the server closes the connection
    all the same, the close reports that, and a caller that waits for an answer has one either way.
    """
    detail = error.error if isinstance(error, ErrorEvent) else error
    message = detail.message.lower()
    if any(part in message for part in _BENIGN_MESSAGES):
        return ErrorKind.BENIGN
    code = detail.code if is_set(detail.code) else ""
    return ERROR_KINDS.get(code) or _KINDS_BY_TYPE.get(detail.type, ErrorKind.ANSWERABLE)
