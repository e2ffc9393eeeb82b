"""The pages, asked in process as an ASGI server would."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from duologue.errors import ConnectFailed
from duologue.protocol import SessionDefaults
from duologue.server import Limits, SessionStart, Upstream
from duologue.server.http.key_file import NamedKey
from duologue.transports import Transport
from tests.server._listening import scripted_app

KEY = {"Authorization": "Bearer sesame"}
SECRETS = "/v1/realtime/client_secrets"


@asynccontextmanager
async def pages(*, running: bool = True, **settings: Any) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client of an application in this process."""
    app = scripted_app(**settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        if running:
            async with app.running():
                yield client
        else:
            yield client


# --- client secrets


async def test_a_client_secret_comes_with_its_expiry_and_the_session_that_it_opens() -> None:
    asked_at = int(time.time())
    async with pages(defaults=SessionDefaults(voice="echo")) as client:
        asked = {
            "expires_after": {"anchor": "created_at", "seconds": 10},
            "session": {"type": "realtime", "model": "m-1", "instructions": "Be brief."},
        }
        answer = await client.post(SECRETS, json=asked)
    body = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert set(body) == {"value", "expires_at", "session"}
    assert body["value"].startswith("ek_")
    assert asked_at + 10 <= body["expires_at"] <= time.time() + 10
    session = body["session"]
    assert (session["type"], session["object"]) == ("realtime", "realtime.session")
    assert (session["model"], session["instructions"]) == ("m-1", "Be brief.")
    assert session["audio"]["output"]["voice"] == "echo"


@pytest.mark.parametrize("content", [b"", b"{}", b'{"session":{"type":"realtime"},"expires_after":null}'])
async def test_a_client_secret_lives_for_ten_minutes_by_default(content: bytes) -> None:
    asked_at = int(time.time())
    async with pages() as client:
        answer = await client.post(SECRETS, content=content)
    assert asked_at + 600 <= answer.json()["expires_at"] <= time.time() + 600


BAD_BODIES = [
    ({"expires_after": {"seconds": 9}}, "expires_after.seconds", "invalid_value"),
    ({"expires_after": {"seconds": 7201}}, "expires_after.seconds", "invalid_value"),
    ({"expires_after": {"seconds": "60"}}, "expires_after.seconds", "invalid_value"),
    ({"expires_after": {"seconds": True}}, "expires_after.seconds", "invalid_value"),
    ({"expires_after": {"anchor": "now"}}, "expires_after.anchor", "invalid_value"),
    ({"expires_after": 60}, "expires_after", "invalid_value"),
    ({"session": {}}, "session.type", "missing_required_parameter"),
    ({"session": {"type": "realtime", "bogus": 1}}, "session.bogus", "unknown_parameter"),
    ({"session": {"type": "realtime", "instructions": 7}}, "session.instructions", "invalid_value"),
    ({"session": {"type": "realtime", "max_output_tokens": 5000}}, "session.max_output_tokens", "invalid_value"),
    ({"session": []}, "session", "invalid_value"),
]


@pytest.mark.parametrize(("body", "param", "code"), BAD_BODIES, ids=[str(number) for number in range(len(BAD_BODIES))])
async def test_a_configuration_that_no_session_can_have_is_refused_as_a_session_would(
    body: dict[str, Any], param: str, code: str
) -> None:
    async with pages() as client:
        answer = await client.post(SECRETS, json=body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)


@pytest.mark.parametrize("content", [b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000])
async def test_a_body_that_is_no_json_object_is_refused(content: bytes) -> None:
    async with pages() as client:
        answer = await client.post(SECRETS, content=content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")


async def test_a_body_that_is_larger_than_the_limit_is_refused() -> None:
    async with pages(limits=Limits(body_bytes=5000)) as client:
        answer = await client.post(SECRETS, content=b" " * 5001)
        assert answer.status_code == 413
        assert "5000 bytes" in answer.json()["error"]["message"]
        assert (await client.post(SECRETS, content=b"{}" + b" " * 4998)).status_code == 200


async def test_when_too_many_secrets_are_out_no_more_are_made() -> None:
    async with pages(limits=Limits(client_secrets=1)) as client:
        assert (await client.post(SECRETS)).status_code == 200
        answer = await client.post(SECRETS)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_the_beta_s_sessions_page_answers_in_the_shape_of_the_beta() -> None:
    asked = {
        "model": "gpt-4o-realtime-preview",
        "modalities": ["audio", "text"],
        "voice": "verse",
        "temperature": 0.7,
        "turn_detection": None,
        "input_audio_format": "g711_ulaw",
    }
    asked_at = int(time.time())
    async with pages() as client:
        answer = await client.post("/v1/realtime/sessions", json=asked)
    body = answer.json()
    assert answer.status_code == 200, body
    assert {name: body[name] for name in ("model", "voice", "turn_detection", "input_audio_format")} == {
        "model": "gpt-4o-realtime-preview",
        "voice": "verse",
        "turn_detection": None,
        "input_audio_format": "g711_ulaw",
    }
    assert set(body["client_secret"]) == {"value", "expires_at"}
    assert asked_at + 60 <= body["client_secret"]["expires_at"] <= time.time() + 60
    assert body["object"] == "realtime.session"


async def test_the_beta_s_sessions_page_says_what_is_wrong_too() -> None:
    async with pages() as client:
        answer = await client.post("/v1/realtime/sessions", json={"voice": 7})
        unknown = await client.post("/v1/realtime/sessions", json={"type": "nothing"})
    assert (unknown.status_code, unknown.json()["error"]["param"]) == (400, "type")
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


# --- of a relay


async def nowhere(session_start: SessionStart) -> Transport:
    raise ConnectFailed("connection refused", retryable=True)


@pytest.mark.parametrize("kind", ["realtime", "transcription"])
async def test_a_relay_makes_client_secrets_without_a_look_at_its_upstream(kind: str) -> None:
    async with pages(upstream=Upstream(open=nowhere)) as client:
        answer = await client.post(SECRETS, json={"session": {"type": kind, "include": []}})
        assert answer.status_code == 200
        assert answer.json()["value"].startswith("ek_")
        session = answer.json()["session"]
        name = "realtime.session" if kind == "realtime" else "realtime.transcription_session"
        assert session.pop("id").startswith("sess_")
        assert session == {"object": name, "type": kind, "include": []}
        answer = await client.post(SECRETS, json={"session": {"type": kind, "include": 7}})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "session.include")


async def test_a_relay_makes_client_secrets_on_the_beta_s_page_too() -> None:
    async with pages(upstream=Upstream(open=nowhere)) as client:
        answer = await client.post("/v1/realtime/sessions", json={"voice": "verse", "turn_detection": None})
    body = answer.json()
    assert set(body.pop("client_secret")) == {"value", "expires_at"}
    assert body.pop("id").startswith("sess_")
    assert body == {"object": "realtime.session", "voice": "verse", "turn_detection": None}


# --- keys

KEYED = [
    ("POST", SECRETS),
    ("POST", "/v1/realtime/sessions"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/m"),
    ("GET", "/metrics"),
    ("POST", "/v1/admin/drain"),
]


@pytest.mark.parametrize(("method", "path"), KEYED)
async def test_pages_ask_for_a_real_key_and_say_so_in_the_hosted_service_s_shape(method: str, path: str) -> None:
    async with pages(api_key=["other", "sesame"]) as client:
        for headers, code in (({}, None), ({"Authorization": "Bearer nope"}, "invalid_api_key")):
            answer = await client.request(method, path, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["error"]["code"] == code
            assert "nope" not in answer.text
        assert (await client.request(method, path, headers=KEY)).is_success
        assert (await client.request(method, path, headers={"api-key": "other"})).is_success


async def test_a_client_secret_makes_no_more_of_its_kind() -> None:
    async with pages(api_key="sesame") as client:
        secret = (await client.post(SECRETS, headers=KEY)).json()["value"]
        answer = await client.post(SECRETS, headers={"Authorization": f"Bearer {secret}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(("method", "path"), KEYED)
async def test_without_keys_pages_of_other_origins_get_nothing(method: str, path: str) -> None:
    async with pages() as client:
        answer = await client.request(method, path, headers={"Origin": "https://evil.example"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_not_allowed")
        answer = await client.request(method, path, headers={"Origin": "http://localhost:3000"})
        assert answer.is_success or answer.json()["error"]["code"] == "key_required"


# --- models, health, figures


async def test_any_model_is_served_unless_some_are_named() -> None:
    async with pages() as client:
        listed = (await client.get("/v1/models")).json()
        assert listed["object"] == "list"
        assert [model["id"] for model in listed["data"]] == ["duologue"]
        one = (await client.get("/v1/models/vendor/name-1")).json()
        assert (one["id"], one["object"]) == ("vendor/name-1", "model")
    async with pages(models=["a", "b"]) as client:
        assert [model["id"] for model in (await client.get("/v1/models")).json()["data"]] == ["a", "b"]
        assert (await client.get("/v1/models/a")).status_code == 200
        answer = await client.get("/v1/models/c")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "invalid_model")
        answer = await client.post(SECRETS, json={"session": {"type": "realtime", "model": "c"}})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "invalid_model")


async def test_it_is_alive_before_it_is_ready() -> None:
    async with pages(running=False, api_key="sesame") as client:
        assert (await client.get("/healthz")).status_code == 200
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"status": "loading"})
    async with pages(api_key="sesame") as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "sessions": 0})


async def test_figures_come_in_the_format_of_prometheus() -> None:
    async with pages() as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "\nduologue_sessions_open 0.0\n" in answer.text
    assert "python_info" not in answer.text, "a registry of its own"


# --- what is wrong


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/realtime/", 404),
        ("GET", "/v1/other", 404),
        ("GET", "/healthz/x", 404),
        ("GET", SECRETS, 405),
        ("DELETE", "/v1/models", 405),
        ("POST", "/healthz", 405),
        ("GET", "/v1/realtime", 426),
        ("PUT", "/v1/realtime", 405),
    ],
)
async def test_a_wrong_path_or_method_is_answered_in_json(method: str, path: str, status: int) -> None:
    async with pages() as client:
        answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert ("allow" in answer.headers) == (status == 405)


async def test_a_fault_of_our_own_is_500_without_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object, *args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("secret words")

    monkeypatch.setattr("duologue.server.http.client_secrets.ClientSecrets.make", fail)
    async with pages() as client:
        answer = await client.post(SECRETS)
    assert answer.status_code == 500
    assert answer.json()["error"]["type"] == "server_error"
    assert "secret words" not in answer.text


MCP_TOOL = {"type": "mcp", "server_label": "docs", "server_url": "https://x.invalid/"}


@pytest.mark.parametrize("upstream", [None, Upstream(open=nowhere)], ids=["alone", "a relay"])
@pytest.mark.parametrize("path", [SECRETS, "/v1/realtime/sessions"])
async def test_the_keys_of_mcp_servers_are_in_no_answer(path: str, upstream: Upstream | None) -> None:
    tools = [{**MCP_TOOL, "authorization": "sesame", "headers": {"X-Key": "open"}}]
    body = {"session": {"type": "realtime", "tools": tools}} if path == SECRETS else {"tools": tools}
    async with pages(upstream=upstream) as client:
        answer = await client.post(path, json=body)
    assert answer.status_code == 200
    assert "docs" in answer.text
    assert "sesame" not in answer.text
    assert "X-Key" not in answer.text


async def test_a_body_that_holds_too_many_values_or_nests_too_deeply_is_refused() -> None:
    async with pages() as client:
        wide = await client.post(SECRETS, content=b'{"session":[' + b"1," * 20_000 + b"1]}")
        deep = await client.post(SECRETS, content=b'{"session":' + b"[" * 200 + b"]" * 200 + b"}")
    assert (wide.status_code, wide.json()["error"]["code"]) == (400, "array_above_max_length")
    assert (deep.status_code, deep.json()["error"]["code"]) == (400, "invalid_json")


async def test_the_figures_say_what_is_held_and_what_was_too_much() -> None:
    async with pages(limits=Limits(max_owner_bytes=5_000)) as client:
        await client.post(SECRETS, json={"session": {"type": "realtime", "instructions": "x" * 3_000}})
        await client.post(SECRETS, json={"session": {"type": "realtime", "instructions": "x" * 3_000}})
        figures = (await client.get("/metrics")).text
    [held] = [line for line in figures.splitlines() if line.startswith('duologue_held_bytes{kind="client_secrets"}')]
    assert 3_000 < float(held.split()[1]) < 5_000
    assert 'duologue_over_budget_total{reason="owner_full"} 1.0' in figures


# --- Live sessions

LIVE = [
    ("POST", "/v1/live/sessions/live_1/accept", 501, "telephone"),
    ("POST", "/v1/live/sessions/live_1/reject", 501, "telephone"),
    ("POST", "/v1/live/sessions/live_1/refer", 501, "telephone"),
    ("POST", "/v1/live/sessions/live_1/hangup", 501, "telephone"),
    ("GET", "/v1/live/sessions/live_1/content", 404, "no recordings"),
    ("GET", "/v1/live/sessions", 426, "wss://"),
    ("GET", "/v1/live/sessions/live_1/attach", 426, "wss://"),
]


@pytest.mark.parametrize(("method", "path", "status", "words"), LIVE)
async def test_what_is_no_websocket_of_a_live_session_is_refused_with_a_sentence(
    method: str, path: str, status: int, words: str
) -> None:
    async with pages() as client:
        answer = await client.request(method, path, json={})
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]


async def test_live_requests_need_the_key_that_all_others_need() -> None:
    async with pages(api_key="sesame") as client:
        accept = "/v1/live/sessions/live_1/accept"
        assert (await client.post(accept, json={})).status_code == 401
        assert (await client.post(accept, json={}, headers=KEY)).status_code == 501


# --- the end


@pytest.mark.parametrize("manner", ["now", "turn", "end", None])
async def test_a_client_with_a_key_may_end_the_server(manner: str | None) -> None:
    app = scripted_app(api_key="sesame")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server", headers=KEY) as client:
        query = {} if manner is None else {"manner": manner}
        answer = await client.post("/v1/admin/drain", params=query)
    assert (answer.status_code, app.drain_requested.is_set()) == (202, True)


async def test_a_caller_with_a_name_does_not_end_the_sessions_of_others() -> None:
    app = scripted_app(api_key="sesame", named_keys=[NamedKey.of("alice", "hers")])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as client:
        answer = await client.post("/v1/admin/drain", headers={"Authorization": "Bearer hers"})
    assert (answer.status_code, app.drain_requested.is_set()) == (403, False)


async def test_the_admin_key_alone_ends_the_server_and_opens_nothing_else() -> None:
    app = scripted_app(api_key="sesame", admin_key="end it")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as client:
        statuses = [
            (await client.post("/v1/admin/drain", headers={"Authorization": f"Bearer {key}"})).status_code
            for key in ("sesame", "wrong")
        ]
        assert (statuses, app.drain_requested.is_set()) == ([403, 401], False)
        assert (await client.post("/v1/admin/drain")).status_code == 401
        admin = {"Authorization": "Bearer end it"}
        assert (await client.get("/v1/models", headers=admin)).status_code == 401
        assert (await client.post("/v1/admin/drain", headers=admin)).status_code == 202
    assert app.drain_requested.is_set()


async def test_a_server_without_keys_of_callers_may_have_an_admin_key() -> None:
    async with pages(admin_key="end it") as client:
        assert (await client.post("/v1/admin/drain")).status_code == 403
        assert (await client.post("/v1/admin/drain", headers={"Authorization": "Bearer end it"})).status_code == 202


@pytest.mark.parametrize("admin_key", ["sesame", "", " ", "hers"])
def test_an_admin_key_is_no_key_of_callers(admin_key: str) -> None:
    with pytest.raises(ValueError, match="choose another one"):
        scripted_app(api_key="sesame", named_keys=[NamedKey.of("alice", "hers")], admin_key=admin_key)


async def test_without_keys_none_may_end_it_and_an_unknown_manner_is_refused() -> None:
    async with pages() as client:
        assert (await client.post("/v1/admin/drain")).status_code == 403
    async with pages(api_key="sesame") as client:
        answer = await client.post("/v1/admin/drain", params={"manner": "later"}, headers=KEY)
        assert (answer.status_code, "now, turn, end" in answer.text) == (400, True)
