from __future__ import annotations

import pytest

from duologue.dialects import PROFILES
from duologue.dialects.utterance import PUBLISHED

COMMIT = {"type": "input_audio_buffer.commit"}


def test_where_nothing_else_is_known_a_commit_ends_an_utterance_and_nothing_begins_it() -> None:
    assert PUBLISHED.is_end(COMMIT)
    assert not PUBLISHED.is_begin(COMMIT)
    assert not PUBLISHED.is_end({"type": "input_audio_buffer.clear"})
    assert not PUBLISHED.takes_finish("any")


@pytest.mark.parametrize("dialect", ["vllm", "vllm-omni"])
def test_a_commit_of_vllm_begins_unless_it_is_final(dialect: str) -> None:
    utterance = PROFILES[dialect].utterance
    assert utterance.is_begin(COMMIT)
    assert utterance.is_begin({**COMMIT, "event_id": "e", "final": False})
    assert utterance.is_end({**COMMIT, "event_id": "e", "final": True})
    assert not utterance.is_begin({**COMMIT, "final": True})


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("qwen3-asr-flash-realtime", True),
        ("qwen3.5-livetranslate-flash-realtime", True),
        ("qwen3-omni-flash-realtime", False),
        ("qwen-audio-realtime", False),
        (None, False),
    ],
)
def test_only_models_that_transcribe_or_translate_take_the_command_for_the_end(model: str | None, takes: bool) -> None:
    assert PROFILES["qwen"].utterance.takes_finish(model) is takes


def test_where_every_model_takes_the_command_the_name_does_not_matter() -> None:
    assert PROFILES["sglang"].utterance.takes_finish(None)
