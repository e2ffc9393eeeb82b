"""The paths of calls over sockets: who is let in, with which status the others are not, and what is made for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from duologue.clock import unix_time
from duologue.server import Limits, RealtimeApp, Upstream
from duologue.server.run.listener import listening
from duologue.server.session_start import SessionStart
from duologue.telephony import CallerAudio
from duologue.telephony.codecs.leg_events import PlayCommand
from duologue.telephony.serving.authentication import NetworkAuthentication, NoAuthentication, TwilioAuthentication
from duologue.telephony.serving.phone_app import PhoneApp
from duologue.telephony.serving.phone_sessions import PhoneSessions
from duologue.transports import Transport
from tests.telephony._carrier import speech_frames
from tests.telephony._frames import FRAMES, started
from tests.telephony.serving._authentications import (
    AUTHENTICATIONS,
    OTHER,
    PUBLIC,
    SIGNERS,
    TOKEN,
    Signed,
    ticket_in,
    twilio_headers,
)
from tests.telephony.serving._server import SILENCE, scripted_app

_SOCKET = PUBLIC.replace("https", "wss")


class _Place(NamedTuple):
    """A server that takes calls."""

    app: RealtimeApp
    host: str
    http: httpx.AsyncClient

    async def open(self, path: str, **headers: str) -> ClientConnection:
        return await connect(f"ws://{self.host}/phone/{path}", additional_headers=headers, proxy=None)

    async def refused(self, path: str, headers: Any = None) -> int:
        """The status with which a socket is refused."""
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://{self.host}/phone/{path}", additional_headers=headers or {}, proxy=None)
        return refused.value.response.status_code

    async def ask(self, name: str, signed: Signed) -> httpx.Response:
        url = f"http://{self.host}/phone/{name}/answer?{signed.query}".rstrip("?")
        return await self.http.request(signed.method, url, headers=dict(signed.headers), content=signed.body)


@asynccontextmanager
async def _served(
    app: RealtimeApp, authentications: Any = AUTHENTICATIONS, *, public_url: str | None = PUBLIC
) -> AsyncGenerator[_Place, None]:
    app.mount("phone", PhoneApp(PhoneSessions(app), authentications, public_url=public_url))
    async with listening(app) as url, httpx.AsyncClient(trust_env=False) as http:
        yield _Place(app, url.removeprefix("ws://").partition("/")[0], http)


def _refusing_upstream(opened: list[SessionStart]) -> Upstream:
    async def open_upstream(start: SessionStart) -> Transport:
        opened.append(start)
        raise AssertionError("nothing is opened for strangers")

    return Upstream(open=open_upstream)


async def test_strangers_get_403_and_nothing_is_made_for_them() -> None:
    opened: list[SessionStart] = []
    limits = Limits(wrong_keys_per_minute=None)
    async with _served(RealtimeApp(upstream=_refusing_upstream(opened), limits=limits)) as place:
        for name in AUTHENTICATIONS:
            for path in (name, f"{name}/", f"{name}/answer", f"{name}/{'0' * 64}"):
                for headers in ({}, {"authorization": "Bearer x"}, {"authorization": "Basic eDp5"}):
                    assert await place.refused(path, headers) == 403, path
        url = f"{_SOCKET}/phone/twilio"
        for headers in (
            twilio_headers(url, token="another"),
            twilio_headers(f"{url}/"),
            twilio_headers(url.replace("wss", "http")),
            twilio_headers(url, sha256=True),
        ):
            assert await place.refused("twilio", headers) == 403
        assert await place.refused("twilio?a=b", twilio_headers(url)) == 403
        assert await place.refused("twilio/", twilio_headers(url)) == 403
        assert await place.refused("twilio/", twilio_headers(f"{url}/")) == 403
        assert (opened, place.app.sessions_open) == ([], 0)
        text = (await place.http.get(f"http://{place.host}/metrics")).text
        assert 'reason="unsigned_call"' in text
        assert "sessions_total{" not in text.replace("owner_sessions_total{", "")


async def test_guesses_are_slowed_and_right_signatures_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    app = scripted_app("Hi.", limits=Limits(wrong_keys_per_minute=1))
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(app, "_wait", wait)
    async with _served(app) as place:
        for number in range(3):
            assert await place.refused("asterisk", {"authorization": "Basic eDp5"}) == 403
            assert len(waits) == number
        unsigned = SIGNERS["twilio"](f"{PUBLIC}/phone/twilio/answer", OTHER, unix_time())
        assert (await place.ask("twilio", unsigned)).status_code == 403
        assert waits == [1.0] * 3
        socket = await place.open("twilio", **twilio_headers(f"{_SOCKET}/phone/twilio"))
        await socket.close()
        assert waits == [1.0] * 3


@pytest.mark.parametrize("name", SIGNERS)
async def test_questions_of_strangers_get_403(name: str) -> None:
    async with _served(scripted_app()) as place:
        url = f"{PUBLIC}/phone/{name}/answer"
        good = SIGNERS[name](url, TOKEN, unix_time())
        answer = await place.ask(name, good)
        assert answer.status_code == 200
        assert f"{_SOCKET}/phone/{name}" in answer.text
        unsigned = good._replace(headers={"content-type": good.headers.get("content-type", "text/plain")})
        for wrong in (unsigned, SIGNERS[name](url, OTHER, unix_time())):
            refused = await place.ask(name, wrong)
            assert refused.status_code == 403
            assert "wss://" not in refused.text


@pytest.mark.parametrize("name", ["signalwire", "telnyx", "plivo", "vonage"])
async def test_the_ticket_of_the_answer_page_opens_the_socket(name: str) -> None:
    async with _served(scripted_app("Hi.")) as place:
        page = await place.ask(name, SIGNERS[name](f"{PUBLIC}/phone/{name}/answer", TOKEN, unix_time()))
        ticket = ticket_in(page.text)
        if name == "signalwire":
            socket = await place.open(name, authorization=f"Bearer {ticket}")
        else:
            socket = await place.open(f"{name}/{ticket}")
        await socket.close()


async def _answered(socket: ClientConnection) -> None:
    """Have a question answered."""
    codec = started("twilio")
    questions = (codec.write(CallerAudio(audio=audio)) for audio in (*speech_frames(500), *SILENCE))
    for frame in (*FRAMES["twilio"][:2], *questions):
        await socket.send(frame)
    async with asyncio.timeout(5):
        assert isinstance(codec.read_command(await socket.recv()), PlayCommand)


async def test_a_signed_call_is_answered() -> None:
    async with _served(scripted_app("Hi.")) as place:
        socket = await place.open("twilio", **twilio_headers(f"{_SOCKET}/phone/twilio"))
        await _answered(socket)
        await socket.close()


async def test_asterisk_gets_its_sub_protocol() -> None:
    media = [Subprotocol("media")]
    async with (
        _served(scripted_app(), {"asterisk": NoAuthentication()}) as place,
        connect(f"ws://{place.host}/phone/asterisk", subprotocols=media, proxy=None) as socket,
    ):
        assert socket.subprotocol == "media"


async def test_pages_of_other_machines_reach_no_open_server() -> None:
    async with _served(scripted_app(), {"twilio": NoAuthentication()}, public_url=None) as place:
        assert await place.refused("twilio", {"origin": "https://evil.example"}) == 403
        socket = await place.open("twilio", origin=f"http://{place.host}")
        await socket.close()


async def test_other_paths_are_unknown() -> None:
    async with _served(scripted_app(), {"twilio": NoAuthentication(), "asterisk": NoAuthentication()}) as place:
        for path in ("plivo", "twilio/a/b", "unknown"):
            assert await place.refused(path) == 404
        for path, status in (("twilio", 404), ("asterisk/answer", 404), ("plivo/answer", 404), ("twilio/answer/", 404)):
            assert (await place.http.get(f"http://{place.host}/phone/{path}")).status_code == status
        wrong = await place.http.post(f"http://{place.host}/phone/twilio")
        assert "/phone/twilio, and the answer page at /phone/twilio/answer" in wrong.text
        assert (await place.http.put(f"http://{place.host}/phone/twilio/answer")).status_code == 405
        large = await place.http.post(f"http://{place.host}/phone/twilio/answer", content=b"x" * 70_000)
        assert large.status_code == 413


async def test_without_a_public_url_the_page_names_the_host_that_was_asked() -> None:
    authentications: dict[str, NetworkAuthentication] = {"twilio": NoAuthentication()}
    async with _served(scripted_app(), authentications, public_url=None) as place:
        page = await place.http.get(f"http://{place.host}/phone/twilio/answer")
        assert f'url="ws://{place.host}/phone/twilio"' in page.text


async def test_a_full_server_is_busy_and_refuses_sockets_with_503() -> None:
    async with _served(
        scripted_app("Hi.", limits=Limits(sessions=1)), {"twilio": TwilioAuthentication(TOKEN)}
    ) as place:
        headers = twilio_headers(f"{_SOCKET}/phone/twilio")
        socket = await place.open("twilio", **headers)
        await _answered(socket)
        assert await place.refused("twilio", headers) == 503
        page = await place.ask("twilio", SIGNERS["twilio"](f"{PUBLIC}/phone/twilio/answer", TOKEN, unix_time()))
        assert 'reason="busy"' in page.text
        await socket.close()
