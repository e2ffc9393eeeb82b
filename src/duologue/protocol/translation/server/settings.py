"""The settings of a translation session: what it begins with, and which updates it takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

import msgspec
from msgspec import UNSET

from duologue.events import (
    TranslationAudio,
    TranslationAudioInput,
    TranslationAudioOutput,
    TranslationInputTranscription,
    TranslationNoiseReduction,
    TranslationSession,
    TranslationSessionUpdateEvent,
    WireObject,
    is_set,
)
from duologue.protocol.server.errors import InvalidRequest
from duologue.protocol.server.validation import RANGES

__all__ = ["DEFAULT_LANGUAGE", "DEFAULT_MODEL", "TranslationSettings"]

DEFAULT_MODEL: Final = "gpt-realtime-translate"
"""The one hosted model of translation sessions."""

DEFAULT_LANGUAGE: Final = "en"
"""The target of a session that names none; what the hosted service takes then is not published."""

_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4}")
"""A language tag: https://www.rfc-editor.org/rfc/rfc5646"""

_MAX_NAME_CHARS: Final = 200
"""Of a transcription model, whose name is repeated in each `session.updated`."""

_FIXED: Final = frozenset({"id", "type", "model", "expires_at"})
"""Fields of the session that are set when it is created: https://developers.openai.com/api/docs/guides/realtime"""

_HINTS: Final = frozenset({"session.audio.input.transcription.language"})
"""Fields that the published examples have and the published schema has not."""

_NOISE_REDUCTION: Final = "audio.input.noise_reduction.type"

_Check = Callable[[InvalidRequest], None]
"""Raises the fault, or tolerates it."""


class TranslationSettings:
    """One session's configuration in full."""

    def __init__(self, session_id: str, *, model: str, expires_at: int, is_served: Callable[[str], bool]) -> None:
        """`is_served` says whether the translator takes a target language."""
        self._is_served = is_served
        self.wire: TranslationSession = TranslationSession(
            id=session_id,
            model=model,
            expires_at=expires_at,
            audio=TranslationAudio(
                input=TranslationAudioInput(transcription=None, noise_reduction=None),
                output=TranslationAudioOutput(language=DEFAULT_LANGUAGE),
            ),
        )

    @property
    def language(self) -> str:
        """The language to translate into."""
        output = self._audio.output
        return output.language if is_set(output) and is_set(output.language) else DEFAULT_LANGUAGE

    @property
    def shows_source(self) -> bool:
        """Whether the client wants the source speech as text too."""
        return self._transcription is not None

    @property
    def source_language(self) -> str | None:
        """The language of the source speech, if the client has named it."""
        hint = self._transcription.extra.get("language") if self._transcription is not None else None
        return hint if isinstance(hint, str) else None

    @property
    def noise_reduction(self) -> str | None:
        """The microphone for which to reduce noise; None: none is reduced."""
        wanted = self._input.noise_reduction
        return wanted.type if isinstance(wanted, TranslationNoiseReduction) else None

    @property
    def _audio(self) -> TranslationAudio:
        return self.wire.audio

    @property
    def _input(self) -> TranslationAudioInput:
        assert isinstance(self._audio.input, TranslationAudioInput), "a session has settings of its input"
        return self._audio.input

    @property
    def _transcription(self) -> TranslationInputTranscription | None:
        wanted = self._input.transcription
        return wanted if isinstance(wanted, TranslationInputTranscription) else None

    def update(self, event: TranslationSessionUpdateEvent, check: _Check) -> None:
        """Apply an update: absent fields stay, null switches off.

        `check` gets each fault, and raises those that are not tolerated; nothing has changed then.
        """
        for fault in self._faults(event):
            check(fault)
        change = event.session.audio
        if not is_set(change):
            return
        heard, spoken = self._input, self._audio.output
        if is_set(change.input):
            given = {
                name: _plain(value)
                for name in ("transcription", "noise_reduction")
                if (value := getattr(change.input, name)) is not UNSET
            }
            heard = msgspec.structs.replace(heard, **given)
        if is_set(change.output) and is_set(change.output.language):
            spoken = TranslationAudioOutput(language=change.output.language)
        self.wire = msgspec.structs.replace(self.wire, audio=TranslationAudio(input=heard, output=spoken))

    def _faults(self, event: TranslationSessionUpdateEvent) -> Iterator[InvalidRequest]:
        yield from _unknown_in(event, "")
        audio = event.session.audio
        if not is_set(audio):
            return
        if is_set(audio.output) and is_set(language := audio.output.language):
            yield from self._language_faults(language, "session.audio.output.language")
        if not is_set(audio.input):
            return
        if isinstance(reduction := audio.input.noise_reduction, TranslationNoiseReduction):
            yield from RANGES[_NOISE_REDUCTION].faults(reduction.type, f"session.{_NOISE_REDUCTION}")
        if isinstance(transcription := audio.input.transcription, TranslationInputTranscription):
            param = "session.audio.input.transcription"
            if not 1 <= len(transcription.model) <= _MAX_NAME_CHARS:
                reason = f"expected a name of 1 to {_MAX_NAME_CHARS} characters"
                yield InvalidRequest("wrong_value", param=f"{param}.model", reason=reason)
            hint = transcription.extra.get("language")
            if hint is not None and not (isinstance(hint, str) and _LANGUAGE.fullmatch(hint)):
                yield InvalidRequest("wrong_value", param=f"{param}.language", reason="it is no language tag")

    def _language_faults(self, language: str, param: str) -> Iterator[InvalidRequest]:
        if not _LANGUAGE.fullmatch(language):
            yield InvalidRequest("wrong_value", param=param, reason="expected a language tag, such as 'es' or 'pt-BR'")
        elif not self._is_served(language):
            yield InvalidRequest("wrong_value", param=param, reason=f"there is no translation into {language!r} here")


def _plain(value: object) -> object:
    """A setting without the unknown fields that a lenient session tolerates."""
    match value:
        case TranslationInputTranscription():
            hint = {name: value.extra[name] for name in ("language",) if value.extra.get(name) is not None}
            return TranslationInputTranscription(model=value.model, extra=type(value.extra)(hint))
        case TranslationNoiseReduction():
            return TranslationNoiseReduction(type=value.type)
        case _:
            return value


def _unknown_in(value: WireObject, path: str) -> Iterator[InvalidRequest]:
    """The fields of an event that no translation session has, and those that cannot be changed."""
    for name in value.extra or {}:
        param = f"{path}{name}"
        if param in _HINTS:
            continue
        if path == "session." and name in _FIXED:
            yield InvalidRequest("fixed_at_creation", param=param, harmless=True)
        else:
            yield InvalidRequest("unknown_parameter", param=param, harmless=True)
    for name in value.__struct_fields__:
        part = getattr(value, name)
        if isinstance(part, WireObject):
            yield from _unknown_in(part, f"{path}{name}.")
