from __future__ import annotations

from base64 import b64decode

import pytest

from duologue.client.auth import Auth, credentials_for, usual_auth
from duologue.dialects import LIVE_PROFILES, PROFILES

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiIifQ.c2ln"


@pytest.mark.parametrize(
    ("auth", "dialect", "headers", "query", "subprotocols"),
    [
        ("bearer", "openai", {"Authorization": "Bearer k"}, {}, ()),
        ("jwt", "glm", {"Authorization": "Bearer k"}, {}, ()),
        ("api-key", "azure-preview", {"api-key": "k"}, {}, ()),
        ("basic", "inworld", {"Authorization": "Basic k"}, {}, ()),
        ("query", "speaches", {}, {"api_key": "k"}, ()),
        ("query", "inworld", {}, {"key": "k"}, ()),
        ("query", "azure-voice-live", {}, {"api-key": "k"}, ()),
        ("subprotocol", "openai", {}, {}, ("realtime", "openai-insecure-api-key.k")),
        ("subprotocol", "openai-beta", {}, {}, ("realtime", "openai-insecure-api-key.k", "openai-beta.realtime-v1")),
        ("subprotocol", "xai", {}, {}, ("xai-client-secret.k",)),
        ("none", "vllm", {}, {}, ()),
        ("bearer", "openai-live", {"Authorization": "Bearer k"}, {}, ()),
        ("api-key", "azure-live", {"api-key": "k"}, {}, ()),
        ("subprotocol", "kugel", {}, {}, ("openai-live", "openai-insecure-api-key.k")),
        ("subprotocol", "openai-live", {}, {}, ("openai-live", "openai-insecure-api-key.k")),
    ],
)
def test_a_key_is_shown_as_the_server_expects_it(
    auth: Auth, dialect: str, headers: dict[str, str], query: dict[str, str], subprotocols: tuple[str, ...]
) -> None:
    shown = credentials_for("k", auth, dialect=dialect)
    assert (shown.headers, shown.query, shown.subprotocols) == (headers, query, subprotocols)
    assert "k'" not in repr(shown)


def test_a_name_and_a_password_are_encoded_for_basic() -> None:
    shown = credentials_for("user:päss", "basic", dialect="inworld").headers["Authorization"]
    assert b64decode(shown.removeprefix("Basic ")).decode() == "user:päss"


@pytest.mark.parametrize(
    ("dialect", "url", "key", "auth"),
    [
        ("openai", "wss://api.openai.com/v1/realtime", "k", "bearer"),
        ("openai", "ws://127.0.0.1:8000", "k", "bearer"),
        ("openai", "wss://r.openai.azure.com/openai/v1/realtime", "k", "api-key"),
        ("openai", "wss://r.openai.azure.com/openai/v1/realtime", TOKEN, "bearer"),
        ("openai", "wss://azure.com.example/openai/v1/realtime", "k", "bearer"),
        ("azure-voice-live", "wss://r.services.ai.azure.com/voice-live/realtime", "k", "api-key"),
        ("azure-preview", "wss://gateway.example/openai/realtime", "k", "api-key"),
        ("inworld", "wss://api.inworld.ai/api/v1/realtime/session", "k", "basic"),
        ("vllm", "ws://127.0.0.1:8000", "k", "bearer"),
        ("openai-live", "wss://api.openai.com/v1/live/sessions", "k", "bearer"),
        ("azure-live", "wss://r.openai.azure.com/openai/v1/live/sessions", "k", "api-key"),
        ("azure-live", "wss://r.openai.azure.com/openai/v1/live/sessions", TOKEN, "bearer"),
        ("azure-live", "wss://gateway.example/openai/v1/live/sessions", "k", "api-key"),
        ("kugel", "wss://api.kugelaudio.com/v1/live/sessions", "k", "bearer"),
        ("qwen-audio-live", "wss://w.ap-southeast-1.maas.aliyuncs.com/api-ws/v1/realtime", "k", "bearer"),
    ],
)
def test_the_usual_way_is_that_of_the_dialect_and_of_azure_s_hosts(
    dialect: str, url: str, key: str, auth: Auth
) -> None:
    assert usual_auth(dialect, url, key) == auth


@pytest.mark.parametrize("dialect", [*PROFILES, *LIVE_PROFILES])
def test_every_dialect_has_a_usual_way_that_shows_a_key(dialect: str) -> None:
    shown = credentials_for("k", usual_auth(dialect, "wss://host", "k"), dialect=dialect)
    assert shown.headers or shown.query or shown.subprotocols


@pytest.mark.parametrize("dialect", LIVE_PROFILES)
def test_no_live_endpoint_is_offered_the_sub_protocol_of_realtime(dialect: str) -> None:
    assert "realtime" not in credentials_for("k", "subprotocol", dialect=dialect).subprotocols
