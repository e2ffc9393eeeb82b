"""Names of hosted models, and the kind of session that each is for."""

from __future__ import annotations

import pytest

from duologue.protocol.model_kinds import MANUAL_MODELS, UNSUPPORTED, kind_of_model


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("whisper-1", "transcription"),
        ("gpt-transcribe", "transcription"),
        ("gpt-live-transcribe", "transcription"),
        ("gpt-4o-transcribe-diarize", "transcription"),
        ("gpt-4o-mini-transcribe-2025-12-15", "transcription"),
        ("gpt-realtime-whisper", "transcription"),
        ("gpt-realtime-translate", "translation"),
        ("gpt-live-1", "live"),
        ("gpt-live-1-codex", "live"),
        ("gpt-realtime", "realtime"),
        ("gpt-realtime-1.5", "realtime"),
        ("gpt-realtime-2.1", "realtime"),
        ("gpt-realtime-2025-08-28", "realtime"),
        ("gpt-realtime-mini-2025-10-06", "realtime"),
        ("gpt-audio-mini", "realtime"),
        ("gpt-4o-mini-realtime-preview-2024-12-17", "realtime"),
        ("my-gpt-realtime", None),
        ("grok-voice-latest", None),
        ("", None),
    ],
)
def test_hosted_models_are_known_by_name_and_others_are_for_any_session(name: str, kind: str | None) -> None:
    assert kind_of_model(name) == kind


def test_models_with_restrictions_transcribe() -> None:
    for models in (MANUAL_MODELS, *UNSUPPORTED.values()):
        fitting = [name for name in ("whisper-1", "gpt-4o-transcribe-diarize", "gpt-realtime-whisper",
                                     "gpt-live-transcribe", "gpt-transcribe") if models.fullmatch(name)]  # fmt: skip
        assert fitting
        assert {kind_of_model(name) for name in fitting} == {"transcription"}
