"""The offer in the body of a request, and the configuration that comes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct
from starlette.requests import Request

from duologue.codec import decode
from duologue.events import SessionUpdateEvent
from duologue.printable import printable
from duologue.protocol.config_merge import merge
from duologue.protocol.server.errors import InvalidRequest
from duologue.server.calls.multipart import MalformedForm, form_fields, media_type
from duologue.server.http.bodies import json_object, read_body
from duologue.server.http.session_bodies import prepared, session_update
from duologue.server.rejections import Rejection
from duologue.server.session_start import ConfigRejected, SessionStart

if TYPE_CHECKING:
    from duologue.server.app import RealtimeApp

__all__ = ["MAX_SDP_BYTES", "Offer", "combined_start", "read_offer"]

MAX_SDP_BYTES: Final = 64 * 1024
"""Chromium offers 6 kB with one audio section and a data channel, and 20 kB with several of video."""

_MAX_FORM_BYTES: Final = 16 * 1024
"""What a form has besides its two values."""

_MAX_SHOWN: Final = 80


class Offer(Struct, frozen=True, kw_only=True):
    """What a client has posted to make a call."""

    sdp: str
    session: dict[str, Any] | None = None
    """The JSON of the session, as for a client secret; None: there is none in the request."""


async def read_offer(request: Request, app: RealtimeApp) -> Offer:
    """The offer in a request: as it is, or in a form.

    Raises:
        ConfigRejected: the session in the form exceeds a limit of events, or there is no offer in it.
        Rejection: the body is too large, or has another type or form.
    """
    content_type = request.headers.get("content-type", "")
    match media_type(content_type):
        case "application/sdp":
            return Offer(sdp=_text(await read_body(request, max_bytes=MAX_SDP_BYTES)))
        case "multipart/form-data":
            max_bytes = MAX_SDP_BYTES + app.limits.body_bytes + _MAX_FORM_BYTES
            return _from_form(content_type, await read_body(request, max_bytes=max_bytes), app)
        case _:
            raise Rejection("wrong_media_type", got=printable(content_type, max_characters=_MAX_SHOWN))


def combined_start(session: dict[str, Any], secret: SessionStart, app: RealtimeApp) -> SessionStart:
    """The start of a session with this configuration, on top of a client secret's.

    A secret's kind of session and its model stay: they are what its owner has paid for. All else a client could also
    change by a `session.update`.

    Raises:
        ConfigRejected: a session would reject the configuration.
        Rejection: the secret is for another kind of session, or the model is not served.
    """
    update = session_update(session, "openai")
    if secret.message is not None:
        before = decode(secret.message)
        assert isinstance(before, SessionUpdateEvent), "client secrets keep updates"
        if type(before.session) is not type(update.session):
            kind = "translation" if secret.translates else secret.kind
            raise Rejection("secret_of_another_kind", kind=kind)
        update = msgspec.structs.replace(update, session=merge(before.session, update.session))
    session_start, _ = prepared(update, "openai", app)
    return msgspec.structs.replace(session_start, model=secret.model or session_start.model)


def _from_form(content_type: str, body: bytes, app: RealtimeApp) -> Offer:
    try:
        fields = form_fields(content_type, body)
    except MalformedForm as fault:
        raise Rejection("malformed_form", reason=printable(str(fault), max_characters=_MAX_SHOWN)) from None
    if "sdp" not in fields:
        raise ConfigRejected(InvalidRequest("missing", param="sdp").event("", answers=None).error)
    if len(fields["sdp"]) > MAX_SDP_BYTES:
        raise Rejection("too_large", max_bytes=MAX_SDP_BYTES)
    session, max_bytes = fields.get("session"), app.limits.body_bytes
    if not session:
        return Offer(sdp=_text(fields["sdp"]))
    if len(session) > max_bytes:
        raise Rejection("too_large", max_bytes=max_bytes)
    read = json_object(session, max_bytes=max_bytes, max_values=app.defaults.max_event_values)
    return Offer(sdp=_text(fields["sdp"]), session=read)


def _text(sdp: bytes) -> str:
    try:
        return sdp.decode("utf-8")
    except UnicodeDecodeError:
        raise Rejection("invalid_offer", reason="Invalid SDP offer: it is not UTF-8") from None
