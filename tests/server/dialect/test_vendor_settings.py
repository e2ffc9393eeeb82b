"""What Voice Live's clients send in their greeting, as its package writes it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.dialect.test_adapter import Spoken

SEMANTIC: dict[str, Any] = {"type": "azure_semantic_vad", "threshold": 0.4, "silence_duration_ms": 700}
SUPPRESSED: dict[str, Any] = {"type": "azure_deep_noise_suppression"}
AVA: dict[str, Any] = {"type": "azure-standard", "name": "en-US-AvaNeural", "temperature": 0.8}


def updated(spoken: Spoken, **session: Any) -> dict[str, Any]:
    """The session that answers an update."""
    [frame] = spoken.say(type="session.update", session=session)
    assert frame["type"] == "session.updated", frame
    reported: dict[str, Any] = frame["session"]
    return reported


@pytest.fixture
def spoken() -> Spoken:
    """A session in the dialect of Voice Live, after its greeting."""
    spoken = Spoken("azure-voice-live")
    spoken.reported()
    return spoken


@pytest.mark.parametrize("kind", ["azure_semantic_vad", "azure_semantic_vad_en", "azure_semantic_vad_multilingual"])
def test_azure_s_turn_detection_switches_detection_on_with_its_numbers(spoken: Spoken, kind: str) -> None:
    updated(spoken, turn_detection=None)
    updated(spoken, turn_detection={**SEMANTIC, "type": kind, "remove_filler_words": False})
    detecting: Any = spoken.protocol.session.input.turn_detection
    assert (detecting.type, detecting.threshold, detecting.silence_duration_ms) == ("server_vad", 0.4, 700)


def test_what_was_set_in_azure_s_words_is_echoed_in_them(spoken: Spoken) -> None:
    reported = updated(
        spoken, turn_detection=SEMANTIC, input_audio_noise_reduction=SUPPRESSED, voice=AVA, temperature=0.7
    )
    assert reported["turn_detection"].items() >= SEMANTIC.items()
    assert reported["turn_detection"]["create_response"] is True
    assert (reported["input_audio_noise_reduction"], reported["voice"], reported["temperature"]) == (
        SUPPRESSED,
        AVA,
        0.7,
    )
    assert updated(spoken, instructions="Be brief.")["voice"] == AVA


def test_what_is_set_again_is_echoed_as_it_is_now(spoken: Spoken) -> None:
    updated(spoken, turn_detection=SEMANTIC, input_audio_noise_reduction=SUPPRESSED, voice=AVA)
    plain = {"type": "server_vad", "threshold": 0.6}
    reported = updated(spoken, turn_detection=plain, input_audio_noise_reduction=None, voice="alloy")
    assert reported["turn_detection"].items() >= plain.items()
    assert reported["input_audio_noise_reduction"] is None
    assert reported["voice"] == {"type": "openai", "name": "alloy"}


def test_what_was_refused_is_not_echoed(spoken: Spoken) -> None:
    update = {"type": "session.update", "session": {"voice": AVA, "turn_detection": {**SEMANTIC, "threshold": 7}}}
    assert [frame["type"] for frame in spoken.say(**update)] == ["error"]
    assert updated(spoken, instructions="Be brief.")["voice"] == {"type": "openai", "name": "alloy"}


def test_a_voice_that_only_azure_has_leaves_the_session_its_own(spoken: Spoken) -> None:
    updated(spoken, voice=AVA)
    assert spoken.protocol.session.output.voice == "alloy"


def test_unknown_names_fill_no_memory(spoken: Spoken) -> None:
    for number in range(100):
        updated(spoken, **{f"made_up_{number}": 1})
    reported = updated(spoken, instructions="Be brief.")
    assert len([name for name in reported if name.startswith("made_up_")]) == 64


@pytest.mark.parametrize("dialect", ["azure-preview", "azure-voice-live"])
def test_azure_s_clients_may_switch_turn_detection_off_by_a_word(dialect: str) -> None:
    spoken = Spoken(dialect)
    spoken.reported()
    updated(spoken, turn_detection={"type": "none"})
    assert spoken.protocol.session.input.turn_detection is None
