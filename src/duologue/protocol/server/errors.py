"""Invalid requests: the codes and messages with which the server rejects a client event.

They are the hosted service's where its answer is known; `conformance/errors.toml` has a rule for each of those.
"""

from __future__ import annotations

from typing import Any, Final

from duologue.events import ErrorEvent, RealtimeError

__all__ = ["INVALID_REQUESTS", "InvalidRequest"]

INVALID_REQUESTS: Final[dict[str, tuple[str | None, str]]] = {
    "not_json": ("invalid_json", "Invalid event: failed to parse JSON value: {reason}."),
    "binary": ("invalid_event", "Expected a text WebSocket message; binary frames are not supported."),
    "unknown_type": ("invalid_value", "Invalid value: {value!r}. Supported values are: {supported}."),
    "unknown_parameter": ("unknown_parameter", "Unknown parameter: '{param}'."),
    "missing": ("missing_required_parameter", "Missing required parameter: '{param}'."),
    "wrong_type": ("invalid_value", "Invalid value for '{param}': expected {expected}, but got {got}."),
    "wrong_value": ("invalid_value", "Invalid value for '{param}': {reason}."),
    "rate_too_low": ("integer_below_min_value", "Invalid '{param}': expected a value >= {min}, but got {got}."),
    "other_session_kind": (
        None,
        "Passing a {kind} session update event to a {own} session is not allowed.",
    ),
    "event_id_too_long": (
        "string_above_max_length",
        "Invalid 'event_id': string too long. Expected a string with maximum length {max}, "
        "but got a string with length {got} instead.",
    ),
    "transcription_only": (
        "invalid_value",
        "'{value}' is not available in a transcription session, which never responds.",
    ),
    "not_for_transcription": ("invalid_model", 'Model "{model}" is not supported in transcription mode.'),
    "not_for_realtime": ("invalid_model", 'Model "{model}" is not supported in realtime mode.'),
    "not_for_translation": ("invalid_model", 'Model "{model}" is not supported in translation mode.'),
    "fixed_at_creation": ("invalid_value", "'{param}' is set when the session is created, and cannot be changed."),
    "session_closing": ("invalid_value", "'{value}' came after 'session.close': the session takes no more input."),
    "detection_unsupported": (
        "invalid_value",
        "Turn detection is not supported for this transcription model.",
    ),
    "transcription_setting": ("invalid_value", "'{setting}' is not supported for this transcription model."),
    "voice_in_use": ("cannot_update_voice", "Cannot update a conversation's voice if assistant audio is present."),
    "speed_in_use": ("invalid_value", "Cannot update a conversation's speed while a response is in progress."),
    "tracing_in_use": ("invalid_value", "Cannot update a session's tracing once it is enabled."),
    "tool_unknown": ("invalid_value", "Tool choice '{tool}' not found in 'tools' parameter."),
    "call_unknown": ("invalid_tool_call_id", "Tool call ID '{call_id}' not found in conversation."),
    "audio_too_large": (
        "invalid_value",
        "Invalid value for '{param}': expected up to {max_bytes} bytes of audio, but got {got_bytes}.",
    ),
    "not_a_picture": (
        "invalid_value",
        "Invalid value for '{param}': expected a data URI of a picture, such as data:image/png;base64,….",
    ),
    "not_audio": ("invalid_value", "Invalid value for '{param}': it is not base64-encoded audio."),
    "buffer_full": (
        "invalid_value",
        "The input audio buffer holds {held_ms}ms of audio and takes no more; commit or clear it.",
    ),
    "commit_empty": (
        "input_audio_buffer_commit_empty",
        "Error committing input audio buffer: buffer too small. Expected at least {min_ms}ms of audio, "
        "but buffer only has {held_ms:.2f}ms of audio.",
    ),
    "response_active": (
        "conversation_already_has_active_response",
        "Conversation already has an active response in progress: {response_id}. "
        "Wait until the response is finished before creating a new one.",
    ),
    "too_many_responses": (
        "rate_limit_exceeded",
        "The session has {max} responses in progress; wait until one of them is done.",
    ),
    "no_response_active": ("response_cancel_not_active", "Cancellation failed: no active response found."),
    "retrieve_unknown": (
        "item_retrieve_invalid_item_id",
        "Error retrieving item: the item with id '{item_id}' does not exist.",
    ),
    "truncate_unknown": (
        "item_truncate_invalid_item_id",
        "Error truncating item: the item with id '{item_id}' does not exist.",
    ),
    "delete_unknown": (
        "item_delete_invalid_item_id",
        "Error deleting item: the item with id '{item_id}' does not exist.",
    ),
    "truncate_not_audio": (None, "Only model output audio messages can be truncated."),
    "truncate_too_late": ("invalid_value", "Audio content of {held_ms}ms is already shorter than {audio_end_ms}ms."),
    "item_exists": ("invalid_value", "Invalid value for 'item.id': the conversation already has an item '{item_id}'."),
    "conversation_full": (
        "invalid_value",
        "The conversation holds {max} items and takes no more from the client; delete some.",
    ),
    "event_too_large": (
        "string_above_max_length",
        "Invalid event: too long. Expected up to {max} bytes where no audio is appended, but got {got}.",
    ),
    "too_many_values": ("array_above_max_length", "Invalid event: expected up to {max} JSON values in it."),
    "too_many_escapes": (
        "string_above_max_length",
        "Invalid event: expected up to {max} escaped characters in its texts, but got {got}.",
    ),
    "too_many_objects": ("array_above_max_length", "Invalid event: expected up to {max} objects in it."),
    "item_too_large": (
        "string_above_max_length",
        "Invalid value for '{param}': expected an item that takes up to {max} bytes of memory, but got {got}.",
    ),
    "configuration_too_large": (
        "string_above_max_length",
        "Invalid value for '{param}': expected a configuration that takes up to {max} bytes of memory, but got {got}.",
    ),
    "conversation_too_large": (
        "invalid_value",
        "The items of the conversation take up to {max} bytes of memory, and this one does not fit; delete some.",
    ),
    "session_full": (
        "invalid_value",
        "The session takes up to {max} bytes of memory, and this does not fit; delete items, or clear audio.",
    ),
    "owner_full": (
        "rate_limit_exceeded",
        "All sessions of your key or address take too much memory together; close one, or delete items.",
    ),
    "server_full": ("server_overloaded", "The server's memory is taken; try again later."),
    "too_many_servers": ("invalid_value", "Invalid value for '{param}': expected up to {max} MCP servers."),
    "previous_unknown": ("invalid_value", "Invalid value for '{param}': there is no item '{item_id}'."),
    "not_supported": ("invalid_value", "'{value}' is not supported by this server."),
    "expired": ("session_expired", "Your session hit the maximum duration of {minutes} minutes."),
}
"""By name: the `code` on the wire, and the message with its placeholders."""

_TYPES: Final = {"server_overloaded": "server_error"}
"""The `type` of codes for which the request is not at fault."""


_FATAL: Final = {"not_for_transcription": 4000}
"""Close codes of requests after which the hosted service ends the session."""


class InvalidRequest(Exception):
    """A client event that the server rejects; the session stays as it was."""

    def __init__(
        self, name: str, *, param: str | None = None, harmless: bool = False, value_type: str = "string", **details: Any
    ) -> None:
        code, template = INVALID_REQUESTS[name]
        self.code = code
        self.close_code: int | None = _FATAL.get(name)
        """None: the session goes on."""
        self.param = param
        self.harmless = harmless
        """Whether a lenient session tolerates this."""
        self.value_type = value_type
        """JSON type of the rejected value."""
        self.message: str = template.format(param=param, **details)
        super().__init__(self.message)

    def event(self, event_id: str, *, answers: str | None) -> ErrorEvent:
        """The `error` event; `answers` is the id of the rejected event, if it had one."""
        return ErrorEvent(
            event_id=event_id,
            error=RealtimeError(
                type=_TYPES.get(self.code or "", "invalid_request_error"),
                code=self.code,
                message=self.message,
                param=self.param,
                event_id=answers,
            ),
        )
