"""A dialect is guessed from a URL or a first frame, and the guess says how sure it is."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.dialects import PROFILES, detect
from duologue.dialects.signs import FRAME_SIGNS, QUERY_SIGNS
from tests.dialects.vendor_frames import VENDOR_FRAMES

FIRST: dict[str, dict[str, Any]] = {dialect: frames[0] for dialect, frames in VENDOR_FRAMES.items()}

NO_SIGN_OF_ITS_OWN = {
    # The dated endpoint sends the same session as the hosted service: only the URL differs.
    "azure-preview": "openai-beta",
    # It says hello as vLLM does.
    "vllm-omni": "vllm",
}


@pytest.mark.parametrize("dialect", PROFILES)
def test_a_first_frame_gives_its_dialect_away(dialect: str) -> None:
    guess = detect(FIRST[dialect])
    assert guess.dialect == NO_SIGN_OF_ITS_OWN.get(dialect, dialect)
    assert 0.5 <= guess.confidence < 1
    assert guess.reason


URLS = [
    ("wss://api.openai.com/v1/realtime?model=gpt-realtime", "openai", 0.95),
    ("wss://proxy/v1/realtime?intent=transcription", "openai", 0.3),
    ("wss://proxy/v1/realtime?call_id=rtc_1", "openai", 0.4),
    ("wss://proxy/v1/realtime?model=gpt-4o-realtime-preview", "openai-beta", 0.6),
    ("wss://r.openai.azure.com/openai/v1/realtime?model=mine", "openai", 0.53),
    ("wss://r.openai.azure.com/openai/realtime?api-version=2025-04-01-preview&deployment=mine", "azure-preview", 0.99),
    ("wss://r.cognitiveservices.azure.com/openai/realtime?deployment=mine", "azure-preview", 0.54),
    ("wss://r.services.ai.azure.com/voice-live/realtime?api-version=2026-07-15&model=m", "azure-voice-live", 0.96),
    ("wss://r.cognitiveservices.azure.com/voice-live/realtime?agent-name=a", "azure-voice-live", 0.54),
    ("wss://api.x.ai/v1/realtime?model=grok-voice-latest", "xai", 0.98),
    ("wss://dashscope-intl.aliyuncs.com/api-ws/v1/realtime?model=qwen3-omni-flash-realtime", "qwen", 0.99),
    ("wss://dashscope.aliyuncs.com/api-ws/v1/realtime?model=qwen3-omni-flash-realtime", "qwen", 0.99),
    ("wss://ws1.cn-beijing.maas.aliyuncs.com/api-ws/v1/realtime", "qwen", 0.96),
    ("wss://open.bigmodel.cn/api/paas/v4/realtime?model=glm-realtime", "glm", 0.99),
    ("wss://api.stepfun.ai/v1/realtime?model=step-audio-2", "stepfun", 0.98),
    ("wss://api.stepfun.com/v1/realtime", "stepfun", 0.9),
    ("wss://api.inworld.ai/api/v1/realtime/session?key=k&protocol=realtime", "inworld", 0.98),
    ("wss://rest-assistant.api.cloud.yandex.net/v1/realtime/openai?model=gpt://folder/speech", "yandex", 0.98),
    ("wss://api.together.ai/v1/realtime?model=m&input_audio_format=pcm_s16le_16000", "together", 0.98),
    ("wss://api.together.xyz/v1/realtime", "together", 0.9),
    ("ws://localhost:8000/v1/realtime?duplex=0", "vllm-omni", 0.8),
    ("ws://localhost:8000/v1/realtime?transcription_model=whisper", "speaches", 0.8),
    ("ws://localhost:8000/v1/realtime", "openai", 0.2),
]


@pytest.mark.parametrize(("url", "dialect", "confidence"), URLS)
def test_a_url_gives_its_dialect_away(url: str, dialect: str, confidence: float) -> None:
    guess = detect(url)
    assert (guess.dialect, guess.confidence) == (dialect, confidence)


def test_every_host_path_and_parameter_is_the_reason_of_some_guess() -> None:
    places = [f"{profile.name}: host {host}" for profile in PROFILES.values() for host in profile.hosts]
    places += [f"{profile.name}: path {profile.path}" for profile in PROFILES.values() if profile.path is not None]
    signs = [f"{sign.dialect}: {sign.reason}" for sign in QUERY_SIGNS]
    guesses = [detect(url) for url, _, _ in URLS]
    reasons = {f"{guess.dialect}: {reason}" for guess in guesses for reason in guess.reason.split("; ")}
    assert reasons == {*places, *signs, "openai: path /realtime"}


@pytest.mark.parametrize(
    "nothing", [{}, {"type": "new.event"}, {"type": 7, "session": "x"}, "wss://example.com/voice", ""]
)
def test_where_nothing_gives_it_away_the_guess_says_so(nothing: dict[str, Any] | str) -> None:
    guess = detect(nothing)
    assert (guess.dialect, guess.confidence, guess.reason) == ("openai", 0.0, "nothing gives it away")


def test_a_name_of_an_era_is_a_weaker_sign_than_what_only_one_vendor_has() -> None:
    era = detect({"type": "response.audio.delta", "event_id": "e", "item_id": "i", "delta": ""})
    vendor = detect({"type": "response.audio.delta", "event_id": "e", "client_timestamp": 1, "delta": ""})
    assert (era.dialect, vendor.dialect) == ("openai-beta", "glm")
    assert era.confidence < vendor.confidence


def test_a_response_and_an_item_tell_their_era_too() -> None:
    flat = detect({"type": "response.created", "event_id": "e", "response": {"modalities": ["text"]}})
    nested = detect({"type": "response.done", "event_id": "e", "response": {"output_modalities": ["text"]}})
    item = detect({"type": "response.output_item.done", "event_id": "e", "item": {"object": "realtime.item"}})
    assert (flat.dialect, nested.dialect, item.dialect) == ("openai-beta", "openai", "openai-beta")
    assert item.confidence < flat.confidence


def test_signs_speak_of_dialects_that_exist() -> None:
    assert {sign.dialect for sign in (*FRAME_SIGNS, *QUERY_SIGNS)} <= set(PROFILES)
    assert all(0 < sign.weight < 1 for sign in (*FRAME_SIGNS, *QUERY_SIGNS))
