"""The examples of telephone calls: each is served, and called by a carrier of tests, with our server behind it."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
import uvicorn
from msgspec import structs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from duologue.audio.wav import Sound
from duologue.engines.base import FunctionCall
from duologue.errors import ConnectFailed
from duologue.server import RealtimeApp
from duologue.telephony.carrier import CallerSays, CallPlan, KeysAt, OutgoingCall, dial
from duologue.telephony.carrier.openings import read_answer
from duologue.telephony.signatures import sign_twilio
from duologue.testing.engines import scripted_app_engines, scripted_engines
from duologue.testing.sounds import silence, tone
from duologue.transports.http_exchange import exchange
from duologue.transports.websocket import open_websocket
from tests.server._listening import listening

_EXAMPLES = Path(__file__).parent.parent.parent / "examples"
_QUESTION = CallerSays(sound=Sound(tone(400, rate_hz=8000) + silence(100, rate_hz=8000), 8000))
_ASKS = CallPlan(says=(_QUESTION,), begin_ms=0, settle_ms=300)


@asynccontextmanager
async def _served(application: Any) -> AsyncGenerator[str, None]:
    """An ASGI application on a port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening_on:
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning", lifespan="off"))
        serving = asyncio.ensure_future(server.serve(sockets=[listening_on]))
        try:
            yield f"127.0.0.1:{listening_on.getsockname()[1]}"
        finally:
            server.should_exit = True
            await asyncio.wait({serving}, timeout=5)


@asynccontextmanager
async def _example(
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    responses: Sequence[str | FunctionCall] = ("Hi.",),
    **environment: str,
) -> AsyncGenerator[str, None]:
    """The example, with a server of ours behind it."""
    async with listening(RealtimeApp(engines=scripted_app_engines(scripted_engines(responses=responses)))) as url:
        for key, value in {"REALTIME_URL": url, **environment}.items():
            monkeypatch.setenv(key, value)
        spec = importlib.util.spec_from_file_location(name, _EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        async with _served(module.app) as place:
            yield place


def _only_file(folder: Path) -> str:
    (file,) = folder.iterdir()
    return file.read_text(encoding="utf-8")


async def _held(call: OutgoingCall) -> OutgoingCall:
    async with asyncio.timeout(20):
        await call.run()
    return call


async def test_a_twilio_number_is_answered_for_twilio_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "12345"
    async with _example("phone_twilio", monkeypatch, TWILIO_AUTH_TOKEN=secret, PUBLIC_HOST="voice.example") as place:
        page = await exchange(f"http://{place}/answer", method="POST", body=b"CallSid=CA1")
        assert read_answer("twilio", page.body).url == "wss://voice.example/phone"
        with pytest.raises(ConnectFailed, match="403"):
            await open_websocket(f"ws://{place}/phone")
        signature = sign_twilio("wss://voice.example/phone", secret=secret)
        line = await open_websocket(f"ws://{place}/phone", headers={"X-Twilio-Signature": signature})
        call = await _held(OutgoingCall(line, "twilio", _ASKS))
    assert call.report.spoken[0].answer_heard_ms > 100
    assert "CallEnded" in capsys.readouterr().out


async def test_an_extension_of_asterisk_is_answered_for_its_login_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _example("phone_asterisk", monkeypatch, ASTERISK_LOGIN="asterisk:secret") as place:
        with pytest.raises(ConnectFailed, match="403"):
            await dial(f"ws://{place}/phone", "asterisk", _ASKS, secret="guessed")
        call = await _held(await dial(f"ws://{place}/phone", "asterisk", _ASKS, secret="secret"))
    assert call.report.spoken[0].answer_heard_ms > 100


async def test_a_recorded_call_begins_with_a_tone_and_leaves_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with _example("phone_recording", monkeypatch, CALLS=str(tmp_path)) as place:
        plan = structs.replace(_ASKS, hears_greeting=True)
        call = await _held(await dial(f"ws://{place}/phone", "twilio", plan))
    assert call.report.spoken[0].answer_heard_ms > 100
    assert call.report.greeting_ms is not None
    assert "response.output_audio.delta" in _only_file(tmp_path)


async def test_a_caller_is_connected_with_a_human(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def calls(request: Request) -> JSONResponse:
        asked.append((await request.body()).decode())
        return JSONResponse({"sid": "CA1"})

    twilio = Starlette(routes=[Route("/2010-04-01/Accounts/AC1/Calls/{call}", calls, methods=["POST"])])
    wants = FunctionCall(name="transfer", arguments='{"to":"sales"}')
    async with _served(twilio) as rest:
        environment = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "x", "TWILIO_URL": f"http://{rest}"}
        async with _example("phone_transfer", monkeypatch, responses=[wants, "Hi."], **environment) as place:
            call = await _held(await dial(f"ws://{place}/phone", "twilio", _ASKS))
    assert call.report.ended_by == "application"
    assert [unquote_plus(each) for each in asked] == [
        "Twiml=<Response><Dial><Number>+15551230042</Number></Dial></Response>"
    ]


async def test_a_caller_may_press_a_key_in_the_place_of_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with _example("phone_menu", monkeypatch, responses=["From nine to five."]) as place:
        plan = CallPlan(keys=(KeysAt(keys="1", at_s=0.2),), hears_greeting=True, settle_ms=300)
        call = await _held(await dial(f"ws://{place}/phone", "twilio", plan))
    assert call.report.heard_ms > 100
    assert capsys.readouterr().out == "From nine to five.\n"
