"""Rejections of connections and requests: as an HTTP response, and as an `error` event with a close code."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from msgspec import UNSET

from duologue.events import ErrorEvent, RealtimeError

__all__ = ["REJECTIONS", "Rejection", "error_body"]


class _Row(NamedTuple):
    http_status: int
    close_code: int
    type: str
    code: str | None
    message: str


_BAD: Final = "invalid_request_error"
_BUSY: Final = "server_error"
_OFTEN: Final = "rate_limit_error"

REJECTIONS: Final[dict[str, _Row]] = {
    "no_key": _Row(401, 3000, _BAD, None, "Missing bearer or basic authentication in header"),
    "wrong_key": _Row(401, 3000, _BAD, "invalid_api_key", "Incorrect API key provided."),
    "two_keys": _Row(401, 3000, _BAD, "invalid_api_key", "A header or parameter shows a key twice; send one."),
    "origin": _Row(
        403,
        1008,
        _BAD,
        "origin_not_allowed",
        "Pages of this origin are not served; the server's option --allow-origin lets them in.",
    ),
    "unsigned_call": _Row(
        403, 1008, _BAD, "invalid_signature", "This does not show that it comes from the telephone network of the path."
    ),
    "no_model": _Row(400, 4000, _BAD, "missing_model", "You must provide a model parameter."),
    "wrong_model": _Row(404, 4000, _BAD, "invalid_model", "The model '{model}' is not served here."),
    "wrong_intent": _Row(400, 4000, _BAD, "invalid_intent", "Invalid intent {intent}"),
    "model_of_transcription": _Row(
        400, 4000, _BAD, "invalid_model", "You must not provide a model parameter for transcription sessions."
    ),
    "model_of_another_kind": _Row(
        400, 4000, _BAD, "invalid_model", 'Model "{model}" is not supported in realtime mode.'
    ),
    "model_not_for_live": _Row(400, 4000, _BAD, "invalid_model", 'Model "{model}" is not supported in live mode.'),
    "model_not_for_translation": _Row(
        400, 4000, _BAD, "invalid_model", 'Model "{model}" is not supported in translation mode.'
    ),
    "intent_of_translation": _Row(400, 4000, _BAD, "invalid_intent", "Translation sessions have no intent."),
    "secret_of_another_kind": _Row(
        401, 3000, _BAD, "invalid_api_key", "This client secret opens {kind} sessions only."
    ),
    "beta": _Row(400, 4000, _BAD, "beta_api_shape_disabled", "The Realtime Beta API is no longer supported."),
    "rate": _Row(429, 1013, _OFTEN, "rate_limit_exceeded", "Too many new sessions; try again in a minute."),
    "owner_sessions": _Row(429, 1013, _OFTEN, "rate_limit_exceeded", "Too many sessions at once; end one or wait."),
    "events": _Row(429, 1008, _OFTEN, "rate_limit_exceeded", "Too many events: one was not carried out."),
    "full": _Row(503, 1013, _BUSY, "server_overloaded", "No more sessions at once; try again later."),
    "full_of_secrets": _Row(503, 1013, _BUSY, "server_overloaded", "No more client secrets at once; try again later."),
    "no_store": _Row(
        503,
        1013,
        _BUSY,
        "server_overloaded",
        "What this server shares with others cannot be reached; no new sessions until it is. Try again in a moment.",
    ),
    "secrets": _Row(
        429,
        1013,
        _OFTEN,
        "rate_limit_exceeded",
        "Your client secrets hold {max_bytes} bytes until some of them expire.",
    ),
    "owner_full": _Row(
        429, 1013, _OFTEN, "rate_limit_exceeded", "All that your key or address holds is too much; close a session."
    ),
    "server_full": _Row(503, 1013, _BUSY, "server_overloaded", "The server's memory is taken; try again later."),
    "connections": _Row(503, 1013, _BUSY, "server_overloaded", "Too many connections; try again later."),
    "address_full": _Row(429, 1013, _OFTEN, "rate_limit_exceeded", "Too many connections of this address at once."),
    "unread": _Row(503, 1013, _BUSY, "server_overloaded", "Too many bytes wait to be read; try again later."),
    "draining": _Row(503, 1013, _BUSY, "server_shutting_down", "The server is going away; try again in a moment."),
    "drain_without_key": _Row(
        403, 1008, _BAD, "key_required", "A server without keys is stopped by a signal: every caller could do it here."
    ),
    "drain_of_a_caller": _Row(
        403,
        1008,
        _BAD,
        "key_required",
        "This key does not end the server: the admin key does, or, where there is none, a key of --api-key.",
    ),
    "wrong_manner": _Row(400, 4000, _BAD, "invalid_value", "No manner to drain {manner}; known: {known}."),
    "not_ready": _Row(503, 1013, _BUSY, "server_not_ready", "The engines are not loaded; try again in a moment."),
    "authentication_late": _Row(
        503, 1013, _BUSY, "server_not_ready", "Who you are cannot be found out now; try again in a moment."
    ),
    "idle": _Row(408, 1001, _BAD, "session_idle", "Nothing came from the client for {seconds:g} seconds."),
    "stalled": _Row(408, 1008, _BAD, "client_too_slow", "The client took nothing for {seconds:g} seconds."),
    "fragments": _Row(413, 1009, _BAD, None, "The message comes in too many fragments."),
    "headers_late": _Row(408, 1008, _BAD, "request_timeout", "The request's headers did not come in time."),
    "request_late": _Row(408, 1008, _BAD, "request_timeout", "The request was not finished in time."),
    "handshake_late": _Row(408, 1008, _BAD, "handshake_timeout", "The handshake was not finished in time."),
    "message_late": _Row(408, 1008, _BAD, "message_timeout", "A message was not finished in time."),
    "headers_large": _Row(431, 1009, _BAD, None, "The request's headers are too large."),
    "url_large": _Row(414, 1009, _BAD, None, "The request's URL is too long."),
    "malformed": _Row(400, 1008, _BAD, None, "This is not a valid HTTP request."),
    "wrong_path": _Row(404, 1008, _BAD, None, "Invalid URL ({method} {path}); the WebSocket is at {websocket}."),
    "wrong_method": _Row(405, 1008, _BAD, "method_not_supported", "Not allowed to {method} on {path}."),
    "no_upgrade": _Row(426, 1008, _BAD, None, "This is a WebSocket: wss:// or ws:// instead of https:// or http://."),
    "no_live_session": _Row(
        404, 4000, _BAD, "session_not_found", "No Live session '{session_id}' of yours is open; it may be over."
    ),
    "no_stored_session": _Row(
        404,
        4000,
        _BAD,
        "session_not_found",
        "No session '{session_id}' of yours is stored here: start one with \"store\": true, and let it end.",
    ),
    "sidebands": _Row(429, 1013, _OFTEN, "rate_limit_exceeded", "The session has {max} sidebands; close one."),
    "no_live_upstream": _Row(501, 4000, _BAD, "not_supported", "This server relays to an API without Live sessions."),
    "no_webrtc_package": _Row(
        501, 4000, _BAD, "not_supported", "The server lacks a package that WebRTC needs: pip install 'duologue[webrtc]'"
    ),
    "webrtc_off": _Row(
        501, 4000, _BAD, "not_supported", "WebRTC is switched off here: connect a WebSocket to {websocket}."
    ),
    "invalid_offer": _Row(
        400, 4000, _BAD, "invalid_offer", "{reason}. Post a WHIP-compliant offer: the SDP of createOffer() as it is."
    ),
    "wrong_media_type": _Row(
        415,
        4000,
        _BAD,
        "unsupported_content_type",
        "Send the offer as application/sdp, or as multipart/form-data with the fields sdp and session; not as '{got}'.",
    ),
    "malformed_form": _Row(400, 4000, _BAD, "invalid_form", "The multipart/form-data cannot be read: {reason}."),
    "no_ports": _Row(503, 1013, _BUSY, "server_overloaded", "All UDP ports for calls are taken; try again later."),
    "no_upstream": _Row(502, 1011, _BUSY, "upstream_unavailable", "The upstream of this relay {problem}."),
    "upstream_busy": _Row(503, 1013, _BUSY, "upstream_unavailable", "The upstream of this relay {problem}; try again."),
    "no_call": _Row(400, 4000, _BAD, "call_id_not_found", "No call '{call_id}' of yours is open; it may be over."),
    "no_call_to_join": _Row(
        404, 4000, _BAD, "call_id_not_found", "No call '{call_id}' of yours is open; it is over, or at another server."
    ),
    "call_has_model": _Row(
        400, 4000, _BAD, "invalid_request", "call_id and model exclude each other: the call has its model already."
    ),
    "no_sip_call": _Row(
        400, 4000, _BAD, "invalid_request", "The call '{call_id}' came by WebRTC: it can only be hung up."
    ),
    "call_answered": _Row(
        400, 4000, _BAD, "call_already_answered", "The call '{call_id}' was accepted or rejected already."
    ),
    "call_rings": _Row(400, 4000, _BAD, "invalid_request", "The call '{call_id}' still rings: accept it first."),
    "no_telephone": _Row(
        501, 4000, _BAD, "not_supported", "There are no telephone calls here: connect a WebSocket to {websocket}."
    ),
    "no_live_recording": _Row(404, 4000, _BAD, "not_found", "The server keeps no recordings of Live sessions."),
    "too_large": _Row(413, 1009, _BAD, None, "The body is larger than {max_bytes} bytes."),
    "not_json": _Row(400, 1007, _BAD, "invalid_json", "The body is not a JSON object."),
    "broken": _Row(500, 1011, _BUSY, None, "The server had an error; its log says more."),
}  # fmt: skip
"""Every rejection: HTTP status, WebSocket close code, and the error's type, code and message.

Close codes are the hosted service's where it has them: 3000 for keys (rule `error.invalid_api_key`), 4000 for requests
(rules `error.invalid_model`, `error.missing_model`, `error.beta_disabled`). 1013 asks clients to try again
later, which they do by themselves: https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number
"""


class Rejection(Exception):
    """A connection or a request is rejected; `name` is a key of `REJECTIONS`."""

    def __init__(self, name: str, **details: Any) -> None:
        row = REJECTIONS[name]
        self.name = name
        self.http_status: int = row.http_status
        self.close_code: int = row.close_code
        self.error: RealtimeError = RealtimeError(
            type=row.type, code=row.code, message=row.message.format(**details), param=None, event_id=None
        )
        super().__init__(self.error.message)

    @property
    def close_reason(self) -> str:
        """The reason of the close frame: the error's type and code, as at the hosted service."""
        return ".".join(part for part in (self.error.type, self.error.code) if isinstance(part, str) and part)

    def event(self, event_id: str) -> ErrorEvent:
        """The rejection as an `error` event."""
        return ErrorEvent(event_id=event_id, error=self.error)

    def body(self) -> dict[str, Any]:
        """The rejection as the JSON of an HTTP response."""
        return error_body(self.error)


def error_body(error: RealtimeError) -> dict[str, Any]:
    """The JSON of an error in an HTTP response, as at the hosted service."""
    names = ("message", "type", "param", "code")
    values = {name: getattr(error, name) for name in names}
    return {"error": {name: None if value is UNSET else value for name, value in values.items()}}
