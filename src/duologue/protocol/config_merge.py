"""How a sparse update and a full configuration become the next full configuration."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET

from duologue.events import (
    AudioConfig,
    AudioInputConfig,
    AudioOutputConfig,
    AudioTranscription,
    PcmAudioFormat,
    SemanticVad,
    ServerVad,
    TranscriptionSessionAudio,
    TranscriptionSessionAudioInput,
    TranscriptionSessionConfig,
    WireObject,
)

__all__ = ["MERGED", "fill_in", "merge"]

W = TypeVar("W", bound=WireObject)

MERGED: Final = (
    AudioConfig,
    AudioInputConfig,
    AudioOutputConfig,
    TranscriptionSessionAudio,
    TranscriptionSessionAudioInput,
)
"""Objects of which an update changes single fields; all others it replaces."""

_NULLABLE: Final = frozenset({"noise_reduction", "transcription", "turn_detection", "tracing", "prompt", "include"})
"""Fields that null switches off. In others null changes nothing."""

_VAD: Final[dict[str, Any]] = {"threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500}
_ANSWERS: Final[dict[str, Any]] = {"create_response": True, "interrupt_response": True}

_FILLED_IN: Final[dict[type, dict[str, Any]]] = {
    ServerVad: {**_VAD, "idle_timeout_ms": None, **_ANSWERS},
    SemanticVad: {"eagerness": "auto", **_ANSWERS},
    AudioTranscription: {"language": None, "prompt": None},
    PcmAudioFormat: {"rate": 24_000},
}
"""Defaults of objects that an update replaces, as the hosted service echoes them."""

_FILLED_IN_TRANSCRIPTION: Final = {**_FILLED_IN, ServerVad: _VAD, SemanticVad: {"eagerness": "auto"}}
"""The same for a session that never responds."""


def merge(old: W, change: WireObject) -> W:
    """`old` with the fields that `change` has."""
    responds = not isinstance(change, TranscriptionSessionConfig | TranscriptionSessionAudioInput)
    fields: dict[str, Any] = {}
    for name in change.__struct_fields__:
        value = getattr(change, name)
        if name == "extra" or value is UNSET or (value is None and name not in _NULLABLE):
            continue
        before = getattr(old, name)
        if isinstance(before, MERGED) and isinstance(value, MERGED):
            fields[name] = merge(before, value)
        else:
            fields[name] = fill_in(value, responds=responds)
    return msgspec.structs.replace(old, **fields)


def fill_in(value: Any, *, responds: bool) -> Any:
    """The value with the defaults of its absent fields; `responds` is false in a session that only transcribes."""
    defaults = (_FILLED_IN if responds else _FILLED_IN_TRANSCRIPTION).get(type(value), {})
    absent = {name: default for name, default in defaults.items() if getattr(value, name) is UNSET}
    return msgspec.structs.replace(value, **absent) if absent else value
