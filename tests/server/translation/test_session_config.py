"""Client secrets of translation sessions, and what they open."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from duologue.cli.commands.serve import _upstream
from duologue.cli.serving.options import ServeOptions
from duologue.protocol import SessionDefaults
from duologue.server import RealtimeApp
from duologue.transports.websocket import open_websocket
from tests.server._listening import listening, scripted_app
from tests.server.translation._speech import message, receive, to_the_end

KEY = {"Authorization": "Bearer sesame"}
SECRETS = "/v1/realtime/translations/client_secrets"
MODEL = "gpt-realtime-translate"

pytestmark = pytest.mark.timeout(30)


async def ask(app: RealtimeApp, body: Any, path: str = SECRETS) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://server", headers=KEY) as client:
        return await client.post(path, json=body)


@pytest.mark.parametrize("path", [SECRETS, f"/openai{SECRETS}"])
async def test_a_secret_comes_with_its_expiry_and_the_session_that_it_opens(path: str) -> None:
    asked_at = int(time.time())
    audio = {"output": {"language": "es"}, "input": {"transcription": {"model": "w"}, "noise_reduction": None}}
    body = {"expires_after": {"anchor": "created_at", "seconds": 60}, "session": {"model": MODEL, "audio": audio}}
    answer = await ask(scripted_app(api_key="sesame"), body, path)
    told = answer.json()
    assert answer.status_code == 200
    assert set(told) == {"value", "expires_at", "session"}
    assert told["value"].startswith("ek_")
    assert asked_at + 60 <= told["expires_at"] <= time.time() + 60
    assert (told["session"]["type"], told["session"]["model"], told["session"]["audio"]) == (
        "translation",
        MODEL,
        audio,
    )


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        (None, "missing_required_parameter", "session"),
        ([], "invalid_value", "session"),
        ({"type": "realtime"}, "invalid_value", "session.type"),
        ({"model": 1}, "invalid_value", "session.model"),
        ({"model": "gpt-realtime"}, "invalid_model", "session.model"),
        ({"model": MODEL, "instructions": "x"}, "unknown_parameter", "session.instructions"),
        ({"model": MODEL, "audio": {"output": {"language": "-"}}}, "invalid_value", "session.audio.output.language"),
        ({"model": MODEL, "audio": {"output": {"language": 1}}}, "invalid_value", "session.audio.output.language"),
    ],
)
async def test_a_configuration_that_a_session_would_refuse_makes_no_secret(session: Any, code: str, param: str) -> None:
    app = scripted_app(api_key="sesame")
    answer = await ask(app, {} if session is None else {"session": session})
    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == (code, param)
    assert len(app.secrets) == 0


async def test_a_model_that_is_not_served_makes_no_secret() -> None:
    answer = await ask(scripted_app(api_key="sesame", models=["mine"]), {"session": {"model": MODEL}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "invalid_model")


async def test_a_secret_needs_the_real_key() -> None:
    answer = await ask(scripted_app(api_key="other"), {"session": {"model": MODEL}})
    assert answer.status_code == 401


# --- the WebSocket


async def greeted(url: str, **headers: str) -> dict[str, Any]:
    """The first event of a connection."""
    socket = await open_websocket(url, headers=headers)
    try:
        return await receive(socket)
    finally:
        await socket.close()


@pytest.mark.parametrize("prefix", ["", "/openai"])
async def test_a_translation_session_is_at_its_path(prefix: str) -> None:
    async with listening(scripted_app()) as url:
        place = url.replace("/v1/realtime", f"{prefix}/v1/realtime/translations")
        created = await greeted(f"{place}?model={MODEL}")
        assert (created["type"], created["session"]["model"]) == ("session.created", MODEL)
        assert (await greeted(place))["session"]["model"] == MODEL


async def test_a_secret_opens_the_session_that_it_was_made_for_and_no_other_kind() -> None:
    app = scripted_app(api_key="sesame")
    async with listening(app) as url:
        told = (await ask(app, {"session": {"model": MODEL, "audio": {"output": {"language": "de"}}}})).json()
        realtime = (await ask(app, {}, "/v1/realtime/client_secrets")).json()
        created = await greeted(f"{url}/translations", Authorization=f"Bearer {told['value']}")
        assert created["session"]["audio"]["output"] == {"language": "de"}
        for path, secret in (("", told), ("/translations", realtime)):
            error = await greeted(f"{url}{path}", Authorization=f"Bearer {secret['value']}")
            assert (error["type"], error["error"]["code"]) == ("error", "invalid_api_key")
            assert "sessions only" in error["error"]["message"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?model=gpt-realtime", "invalid_model"),
        (f"?model={MODEL}&intent=transcription", "invalid_intent"),
        ("?intent=translation", "invalid_intent"),
    ],
)
async def test_what_is_no_translation_session_is_refused(query: str, code: str) -> None:
    async with listening(scripted_app()) as url:
        socket = await open_websocket(f"{url}/translations{query}")
        [error], close_code = await to_the_end(socket)
    assert (error["error"]["code"], close_code) == (code, 4000)


@pytest.mark.parametrize(("query", "code"), [("?model=another", "invalid_model"), ("", "missing_model")])
async def test_a_server_of_some_models_serves_no_others(query: str, code: str) -> None:
    async with listening(scripted_app(models=["mine"])) as url:
        assert (await greeted(f"{url}/translations{query}"))["error"]["code"] == code
        assert (await greeted(f"{url}/translations?model=mine"))["session"]["model"] == "mine"


async def test_a_lenient_server_takes_what_does_no_harm() -> None:
    async with listening(scripted_app(defaults=SessionDefaults(lenient=True))) as url:
        assert (await greeted(f"{url}/translations?model=gpt-realtime&intent=x"))["type"] == "session.created"


async def test_the_page_of_the_path_says_that_it_is_a_websocket() -> None:
    transport = httpx.ASGITransport(scripted_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        assert (await client.get("/v1/realtime/translations")).status_code == 426


# --- relays


async def test_a_relay_passes_a_translation_session_on_unchanged() -> None:
    async with listening(scripted_app()) as upstream_url, listening(relay_to(upstream_url, key=None)) as url:
        socket = await open_websocket(f"{url}/translations?model={MODEL}")
        assert (await receive(socket))["session"]["model"] == MODEL
        await socket.send(message("session.update", event_id="mine", session={"unknown": 1}))
        assert (await receive(socket))["error"]["event_id"] == "mine"
        await socket.send(message("session.close"))
        events, code = await to_the_end(socket)
    assert ([event["type"] for event in events], code) == (["session.closed"], 1000)


async def test_a_relay_configures_the_upstream_as_its_secret_says() -> None:
    async with listening(scripted_app()) as upstream_url:
        app = relay_to(upstream_url)
        async with listening(app) as url:
            body = {"session": {"model": MODEL, "audio": {"output": {"language": "it"}}}}
            secret = (await ask(app, body)).json()["value"]
            socket = await open_websocket(f"{url}/translations", headers={"Authorization": f"Bearer {secret}"})
            created = await receive(socket)
            assert (created["type"], created["session"]["audio"]["output"]["language"]) == ("session.created", "it")
            await socket.close()


def relay_to(url: str, *, key: str | None = "sesame") -> RealtimeApp:
    """A relay as `duologue serve --upstream` makes it."""
    return RealtimeApp(upstream=_upstream(ServeOptions(upstream=url)), api_key=key)
