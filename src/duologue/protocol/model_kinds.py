"""Which hosted models are for which kind of session, as far as that is published. Unknown names are for any.

https://developers.openai.com/api/docs/guides/realtime-transcription
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

__all__ = ["MANUAL_MODELS", "UNSUPPORTED", "ModelKind", "kind_of_model"]

ModelKind: TypeAlias = Literal["realtime", "transcription", "translation", "live"]

_DATED: Final = r"(?:-\d{4}-\d{2}-\d{2})?"

_KINDS: Final[Mapping[ModelKind, re.Pattern[str]]] = {
    "transcription": re.compile(
        rf"(?:whisper-1|gpt-transcribe|gpt-live-transcribe|gpt-4o(?:-mini)?-transcribe(?:-diarize)?|"
        rf"gpt-realtime-whisper){_DATED}"
    ),
    "translation": re.compile(rf"gpt-realtime-translate{_DATED}"),
    "live": re.compile(rf"gpt-live-\d+(?:\.\d+)?(?:-mini|-codex)?{_DATED}"),
    "realtime": re.compile(
        rf"gpt-(?:realtime|audio)(?:-\d+(?:\.\d+)?)?(?:-mini)?{_DATED}|gpt-4o(?:-mini)?-realtime-preview{_DATED}"
    ),
}

MANUAL_MODELS: Final = re.compile(rf"(?:gpt-realtime-whisper|gpt-live-transcribe){_DATED}")
"""Transcription models that take no turn detection in a transcription session."""

UNSUPPORTED: Final[Mapping[str, re.Pattern[str]]] = {
    "languages": re.compile(rf"(?:whisper-1|gpt-4o(?:-mini)?-transcribe(?:-diarize)?|gpt-realtime-whisper){_DATED}"),
    "keywords": re.compile(rf"(?:whisper-1|gpt-4o(?:-mini)?-transcribe(?:-diarize)?|gpt-realtime-whisper){_DATED}"),
    "prompt": re.compile(rf"(?:gpt-4o-transcribe-diarize|gpt-realtime-whisper){_DATED}"),
    "delay": re.compile(
        rf"(?:whisper-1|gpt-transcribe|gpt-live-transcribe|gpt-4o(?:-mini)?-transcribe(?:-diarize)?){_DATED}"
    ),
}
"""Settings of a transcription, and the models that are published not to have them."""


def kind_of_model(name: str) -> ModelKind | None:
    """The kind of session that a hosted model is for; None for a name that is not known."""
    return next((kind for kind, names in _KINDS.items() if names.fullmatch(name)), None)
