"""What a client wants of its session and does not get: another voice, language or model than the engines have."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from duologue.engines.registry import Engines
from duologue.events import AnySession, RealtimeSession, SessionCreatedEvent, SessionUpdatedEvent, is_set
from duologue.events.base import Extra
from duologue.protocol.server.session import voice_name
from duologue.server.telemetry.log import log_event

__all__ = ["WARNINGS", "UnmetWish", "UnmetWishes"]

WARNINGS: Final = "warnings"
"""The field of the session that lists them, beside those of the protocol. Clients that do not know it pass it over."""

_MAX_LOGGED: Final = 20
"""Of one session: a client that asks for ever new voices would fill the log."""


class UnmetWish(msgspec.Struct, frozen=True, kw_only=True):
    """A wish, and what the session has instead."""

    param: str
    """Where the wish stands, such as `session.audio.output.voice`."""
    message: str


class UnmetWishes:
    """Of one session. Each is in the session as the client is sent it, and once in the log."""

    def __init__(self, engines: Engines, *, session_id: str, own: Iterable[str] = ()) -> None:
        """`own` are the models and the voice that the server itself names: its operator knows what speaks for them."""
        self._engines = engines
        self._session_id = session_id
        self._own = frozenset(own)
        self._logged: set[UnmetWish] = set()

    def noted(
        self, event: SessionCreatedEvent | SessionUpdatedEvent, *, shown: bool
    ) -> SessionCreatedEvent | SessionUpdatedEvent:
        """The event with the wishes that are not met, if they are to be shown; the same one if all are met."""
        session = event.session
        unmet = list(self._of(session))
        for wish in unmet:
            if wish not in self._logged and len(self._logged) < _MAX_LOGGED:
                self._logged.add(wish)
                log_event(
                    logging.WARNING, "wish not met", session=self._session_id, param=wish.param, reason=wish.message
                )
        if not unmet or not shown:
            return event
        extra = Extra({**session.extra, WARNINGS: [msgspec.to_builtins(wish) for wish in unmet]})
        return msgspec.structs.replace(event, session=msgspec.structs.replace(session, extra=extra))

    def _of(self, session: AnySession) -> Iterator[UnmetWish]:
        audio = getattr(session, "audio", None)
        if isinstance(session, RealtimeSession):
            yield from self._model(session.model)
            yield from self._voice(getattr(getattr(audio, "output", None), "voice", None))
        yield from self._transcription(getattr(getattr(audio, "input", None), "transcription", None))

    def _model(self, wanted: Any) -> Iterator[UnmetWish]:
        responder = self._engines.responder
        if self._is_wish(wanted) and not _has_model(responder, wanted):
            yield UnmetWish(param="session.model", message=f"{wanted!r} is not here; {responder.name} answers")

    def _voice(self, wanted: Any) -> Iterator[UnmetWish]:
        voice, voices = voice_name(wanted), self._engines.synthesizer.voices
        if voices and self._is_wish(voice) and voice not in voices:
            message = f"there is no voice {voice!r}; {voices[0]!r} speaks"
            yield UnmetWish(param="session.audio.output.voice", message=message)

    def _transcription(self, wanted: Any) -> Iterator[UnmetWish]:
        if not is_set(wanted):
            return
        transcriber, where = self._engines.transcriber, "session.audio.input.transcription"
        languages = tuple(getattr(transcriber, "languages", ()))
        language = wanted.language if is_set(wanted.language) else ""
        if languages and language and language.partition("-")[0].lower() not in languages:
            message = f"{transcriber.name} does not know {language!r}; it knows {', '.join(languages[:20])}"
            yield UnmetWish(param=f"{where}.language", message=message)
        model = wanted.model if is_set(wanted.model) else ""
        if self._is_wish(model) and not _has_model(transcriber, model):
            yield UnmetWish(param=f"{where}.model", message=f"{model!r} is not here; {transcriber.name} transcribes")

    def _is_wish(self, wanted: Any) -> bool:
        return isinstance(wanted, str) and bool(wanted) and wanted not in self._own


def _has_model(engine: Any, model: str) -> bool:
    """Whether an engine is what is asked for. One that does not say which models it has is there for any: the official
    clients name a hosted one in each session, whatever answers.
    """
    models = getattr(engine, "models", ())
    return not models or model in (engine.name, *models)
