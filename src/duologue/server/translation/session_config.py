"""The configuration of a translation session that a client secret opens."""

from __future__ import annotations

from typing import Any

from duologue.clock import unix_time
from duologue.codec import encode_translation
from duologue.events import TranslationErrorEvent, TranslationEvent, TranslationSession, TranslationSessionCreatedEvent
from duologue.protocol import SessionDefaults
from duologue.protocol.model_kinds import kind_of_model
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.translation.server.protocol import TranslationServerProtocol
from duologue.server.ids import new_id
from duologue.server.session_start import ConfigRejected, SessionStart

__all__ = ["translation_start"]


def translation_start(session: Any, defaults: SessionDefaults) -> tuple[SessionStart, dict[str, Any]]:
    """The start of a session with this configuration, and the JSON of the session that it opens.

    A relay checks it too, though what its upstream accepts is known when the session is opened.

    Raises:
        ConfigRejected: a session would reject the configuration.
    """
    if session is None:
        raise _rejected(InvalidRequest("missing", param="session"))
    if not isinstance(session, dict):
        raise _rejected(InvalidRequest("wrong_value", param="session", reason="expected an object"))
    settings: dict[str, Any] = dict(session)
    _check_type(settings.pop("type", "translation"))
    model = settings.pop("model", None)
    _check_model(model, defaults)
    # What is checked is what the session will be given, word for word.
    update = TranslationEvent.from_json({"type": "session.update", "session": settings})
    start = SessionStart(model=model, translates=True, message=encode_translation(update).decode("utf-8"))
    created = TranslationSessionCreatedEvent(event_id="", session=_configured(start, defaults))
    shown: dict[str, Any] = created.to_json()["session"]
    return start, shown


def _check_type(kind: object) -> None:
    if kind != "translation":
        raise _rejected(InvalidRequest("wrong_value", param="session.type", reason="expected 'translation'"))


def _check_model(model: object, defaults: SessionDefaults) -> None:
    if model is None:
        return
    if not isinstance(model, str) or not model:
        raise _rejected(InvalidRequest("wrong_value", param="session.model", reason="expected the name of a model"))
    if not defaults.lenient and kind_of_model(model) not in (None, "translation"):
        raise _rejected(InvalidRequest("not_for_translation", param="session.model", model=model))


def _configured(start: SessionStart, defaults: SessionDefaults) -> TranslationSession:
    protocol = TranslationServerProtocol(defaults, model=start.model, new_id=new_id, now=0.0, started_at=unix_time())
    assert start.message is not None
    protocol.receive_text(start.message, now=0.0)
    for event in protocol.take_events():
        if isinstance(event, TranslationErrorEvent):
            raise ConfigRejected(event.error)
    return protocol.session


def _rejected(invalid: InvalidRequest) -> ConfigRejected:
    return ConfigRejected(invalid.event(new_id("event"), answers=None).error)
