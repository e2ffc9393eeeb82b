"""Merges a sparse `session.update` into a full configuration (rule `session.sparse`)."""

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
"""Objects whose fields an update changes one by one; it replaces all others as a whole."""

_NULLABLE: Final = frozenset({"noise_reduction", "transcription", "turn_detection", "tracing", "prompt", "include"})
"""Fields that null switches off (rule `session.null_vad`). In others null changes nothing."""

_VAD: Final[dict[str, Any]] = {"threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500}
_VAD_RESPONSES: Final[dict[str, Any]] = {"create_response": True, "interrupt_response": True}

_DEFAULTS: Final[dict[type, dict[str, Any]]] = {
    ServerVad: {**_VAD, "idle_timeout_ms": None, **_VAD_RESPONSES},
    SemanticVad: {"eagerness": "auto", **_VAD_RESPONSES},
    AudioTranscription: {"language": None, "prompt": None},
    PcmAudioFormat: {"rate": 24_000},
}
"""Defaults of objects that an update replaces, as the hosted service repeats them."""

_TRANSCRIPTION_DEFAULTS: Final = {**_DEFAULTS, ServerVad: _VAD, SemanticVad: {"eagerness": "auto"}}
"""The same for a session that never responds."""


def merge(old: W, change: WireObject) -> W:
    """`old` with the fields of `change`. Absent fields stay."""
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
    defaults = (_DEFAULTS if responds else _TRANSCRIPTION_DEFAULTS).get(type(value), {})
    absent = {name: default for name, default in defaults.items() if getattr(value, name) is UNSET}
    return msgspec.structs.replace(value, **absent) if absent else value
