"""An event takes from one dialect to another what both have, and the rest is reported."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duologue import decode, encode, events
from duologue.codec import LossyTranslationWarning, translate
from duologue.dialects import PROFILES
from tests.dialects.vendor_frames import VENDOR_FRAMES


def moved(frame: dict[str, Any], source: str, target: str) -> tuple[dict[str, Any] | None, set[str]]:
    translation = translate(decode(json.dumps(frame), dialect=source), dialect=target)
    return translation.frame, set(translation.lost)


def frame_of(dialect: str, name: str, nth: int = 0) -> dict[str, Any]:
    return [frame for frame in VENDOR_FRAMES[dialect] if frame["type"] == name][nth]


FLAT: dict[str, Any] = {
    "type": "session.update",
    "session": {
        "modalities": ["text", "audio"],
        "instructions": "Be short.",
        "voice": "ash",
        "speed": 1.2,
        "input_audio_format": "g711_ulaw",
        "output_audio_format": "pcm16",
        "input_audio_transcription": {"model": "whisper-1"},
        "input_audio_noise_reduction": None,
        "turn_detection": {"type": "server_vad", "threshold": 0.4},
        "max_response_output_tokens": "inf",
    },
}
NESTED: dict[str, Any] = {
    "type": "session.update",
    "session": {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": "Be short.",
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": {"model": "whisper-1"},
                "noise_reduction": None,
                "turn_detection": {"type": "server_vad", "threshold": 0.4},
            },
            "output": {"voice": "ash", "speed": 1.2, "format": {"type": "audio/pcm", "rate": 24000}},
        },
        "max_output_tokens": "inf",
    },
}


@pytest.mark.parametrize("beta", ["openai-beta", "azure-preview"])
def test_a_session_update_goes_from_beta_to_ga_and_back(beta: str) -> None:
    assert moved(FLAT, beta, "openai") == (NESTED, set())
    assert moved(NESTED, "openai", beta) == (FLAT, set())


def test_azure_is_not_sent_what_it_refuses() -> None:
    update = json.loads(json.dumps(NESTED))
    update["session"] |= {"truncation": "auto", "prompt": {"id": "pmpt_1"}}
    update["session"]["audio"]["output"]["format"]["rate"] = 16000
    frame, lost = moved(update, "openai", "azure-preview")
    assert lost == {"session.truncation", "session.prompt.id", "session.audio.output.format"}
    assert frame is not None
    assert not {"type", "audio", "output_modalities", "truncation", "prompt"} & set(frame["session"])
    assert frame["session"]["modalities"] == ["text", "audio"]


def test_temperature_has_no_counterpart_in_ga() -> None:
    frame, lost = moved(frame_of("openai-beta", "session.updated"), "openai-beta", "openai")
    assert frame is not None
    assert lost == {"session.temperature"}
    assert frame["session"]["audio"]["input"]["noise_reduction"] == {"type": "near_field"}


@pytest.mark.parametrize("name", ["response.created", "response.done", "response.output_item.done"])
def test_responses_and_items_go_to_ga_and_come_back(name: str) -> None:
    beta = frame_of("openai-beta", name)
    ga, lost = moved(beta, "openai-beta", "openai")
    assert lost <= {"response.temperature"}
    assert ga is not None
    back, lost = moved(ga, "openai", "openai-beta")
    assert lost == set()
    beta = json.loads(json.dumps(beta))
    beta.get("response", {}).pop("temperature", None)
    assert back == beta
    assert '"type": "audio"' not in json.dumps(ga)


def test_a_response_create_goes_to_ga_and_comes_back() -> None:
    beta = frame_of("openai-beta", "response.create")
    ga, lost = moved(beta, "openai-beta", "openai")
    assert (lost, ga) == (
        set(),
        {
            "type": "response.create",
            "response": {
                "output_modalities": ["audio"],
                "audio": {"output": {"voice": "ash", "format": {"type": "audio/pcm", "rate": 24000}}},
                "input": [{"type": "item_reference", "id": "item_u1"}],
                "max_output_tokens": 50,
                "metadata": {"turn": "1"},
            },
        },
    )
    assert ga is not None
    assert moved(ga, "openai", "openai-beta") == (beta, set())


def test_from_xai_to_openai_foreign_fields_are_reported() -> None:
    frame, lost = moved(frame_of("xai", "response.output_audio.delta"), "xai", "openai")
    assert lost == {"rid", "latency", "audio_duration_ms", "ts", "previous_item_id"}
    assert frame is not None
    assert set(frame) == {"type", "event_id", "response_id", "item_id", "output_index", "content_index", "delta"}
    assert moved(frame_of("xai", "response.content_part.done"), "xai", "openai") == (None, {"part"})


def test_from_xai_to_openai_tools_that_only_grok_has_are_reported() -> None:
    frame, lost = moved(frame_of("xai", "session.update"), "xai", "openai")
    assert lost == {"session.tools[1]"}
    assert frame is not None
    assert frame["session"]["type"] == "realtime"
    assert frame["session"]["audio"]["output"]["voice"] == "ara"
    assert [tool["name"] for tool in frame["session"]["tools"]] == ["height"]


def test_from_qwen_to_openai() -> None:
    frame, lost = moved(frame_of("qwen", "session.created"), "qwen", "openai")
    assert lost == {"session.smooth_output"}
    assert frame is not None
    assert frame["session"]["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 16000}
    frame, lost = moved(frame_of("qwen", "response.text.done"), "qwen", "openai")
    assert frame is not None
    assert (frame["type"], lost) == ("response.output_text.done", set())


def test_from_openai_to_qwen() -> None:
    frame, lost = moved(NESTED, "openai", "qwen")
    assert lost == {"session.audio.input.format"}
    assert frame is not None
    assert frame["session"]["output_audio_format"] == "pcm"
    assert "type" not in frame["session"]
    tools = {"type": "session.update", "session": {"type": "realtime", "tools": [{"type": "function", "name": "f"}]}}
    frame, lost = moved(tools, "openai", "qwen")
    assert frame is not None
    assert frame["session"]["tools"] == [{"type": "function", "function": {"name": "f"}}]


def test_from_glm_to_openai() -> None:
    frame, lost = moved(frame_of("glm", "session.update"), "glm", "openai")
    assert lost == {"session.beta_fields", "session.audio.input.format"}
    assert frame is not None
    assert frame["session"]["audio"]["input"]["turn_detection"] is None
    frame, lost = moved(frame_of("glm", "response.audio.delta"), "glm", "openai")
    assert frame is not None
    assert (frame["type"], frame["item_id"], lost) == ("response.output_audio.delta", "", {"client_timestamp"})


def test_an_event_that_the_other_side_does_not_have_is_reported_as_a_whole() -> None:
    create = {"type": "response.create"}
    assert moved(create, "openai", "vllm") == (None, {"type"})
    added = frame_of("openai", "conversation.item.added")
    assert moved(added, "openai", "openai-beta") == (None, {"type"})
    with pytest.warns(LossyTranslationWarning, match="'vllm' has no counterpart for type"):
        encode(events.ResponseCreateEvent(), dialect="vllm")


@pytest.mark.parametrize("target", PROFILES)
@pytest.mark.parametrize("source", PROFILES)
def test_every_frame_of_every_vendor_can_be_tried_everywhere(source: str, target: str) -> None:
    for frame in VENDOR_FRAMES[source]:
        event = decode(json.dumps(frame), dialect=source)
        translation = translate(event, dialect=target)
        assert translation.frame is not None or translation.lost
        if source == target:
            assert translation.lost == ()
