"""The configuration of a translation, from what an application writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec import UNSET, UnsetType

from duologue.codec.problems import read_problem
from duologue.errors import LocalProtocolError
from duologue.events import (
    TranslationAudio,
    TranslationAudioInput,
    TranslationAudioOutput,
    TranslationEvent,
    TranslationInputTranscription,
    TranslationNoiseReduction,
    TranslationSessionUpdate,
    TranslationSessionUpdateEvent,
    UnknownTranslationEvent,
)

__all__ = ["TranslationConfigInput", "translation_config"]

TranslationConfigInput: TypeAlias = TranslationSessionUpdate | Mapping[str, Any]
"""What `update_session` takes: the session's fields, such as `{"audio": {"output": {"language": "fr"}}}`."""


def translation_config(
    session: TranslationConfigInput | None = None,
    *,
    language: str | None = None,
    transcription: str | UnsetType | None = UNSET,
    noise_reduction: str | UnsetType | None = UNSET,
) -> TranslationSessionUpdate | None:
    """The update that sets these; None if there is nothing to set. UNSET leaves a setting alone, None switches it off.

    Raises:
        LocalProtocolError: `session` is no configuration, or it comes with settings of its own.
        TypeError: it is no mapping.
    """
    settings = (language, transcription, noise_reduction)
    if session is not None:
        if settings != (None, UNSET, UNSET):
            raise LocalProtocolError("give session= or its parts (language, transcription, noise_reduction), not both")
        return session if isinstance(session, TranslationSessionUpdate) else _read(session)
    heard = TranslationAudioInput(
        transcription=(
            TranslationInputTranscription(model=transcription) if isinstance(transcription, str) else transcription
        ),
        noise_reduction=(
            TranslationNoiseReduction(type=noise_reduction) if isinstance(noise_reduction, str) else noise_reduction
        ),
    )
    spoken = TranslationAudioOutput(language=language) if language is not None else UNSET
    is_heard = (transcription, noise_reduction) != (UNSET, UNSET)
    if not is_heard and spoken is UNSET:
        return None
    return TranslationSessionUpdate(audio=TranslationAudio(input=heard if is_heard else UNSET, output=spoken))


def _read(session: Mapping[str, Any]) -> TranslationSessionUpdate:
    if not isinstance(session, Mapping):
        raise TypeError(f"a session is a mapping or a TranslationSessionUpdate, not {type(session).__name__}")
    event = TranslationEvent.from_json({"type": TranslationSessionUpdateEvent.type, "session": dict(session)})
    if isinstance(event, TranslationSessionUpdateEvent):
        return event.session
    problem = read_problem(event.problem) if isinstance(event, UnknownTranslationEvent) else None
    where = problem.path if problem is not None else "session"
    what = "is missing" if problem is not None and problem.missing else "does not fit"
    raise LocalProtocolError(f"this is no configuration of a translation session: {where} {what}")
