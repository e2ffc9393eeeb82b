"""`duologue phone ring`, with scripted engines in the place of those that take seconds to load."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

import duologue
from duologue.audio.wav import WavWriter, read_wav
from duologue.cli.commands import phone_ring
from duologue.telephony import sip
from duologue.testing.sounds import tone
from tests._uvicorn import under_uvicorn
from tests.cli.conftest import Command
from tests.server._listening import scripted_app
from tests.transports._answering import unused_port

SECRET = "whsec_dGVzdA=="


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    with WavWriter(tmp_path / "caller.wav", rate_hz=24_000) as file:
        file.write(tone(400))
    return tmp_path / "caller.wav"


@contextmanager
def application(port: str) -> Generator[str]:
    """An application in a thread, which answers and says nothing; the URL of its webhook."""
    ready, over = threading.Event(), asyncio.Event()
    found: list[tuple[asyncio.AbstractEventLoop, int]] = []
    service = f"ws://127.0.0.1:{port}"

    async def answer(call: sip.CallIncoming) -> None:
        await sip.accept(service, call_id=call.call_id)
        async with duologue.connect(service, call_id=call.call_id) as connection:
            async for _ in connection:
                pass

    async def main() -> None:
        async with under_uvicorn(sip.WebhookApp(answer, secret=SECRET), lifespan="off") as webhook_port:
            found.append((asyncio.get_running_loop(), webhook_port))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    assert ready.wait(10)
    loop, webhook_port = found[0]
    try:
        yield f"http://127.0.0.1:{webhook_port}/"
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)


def test_a_call_is_held_and_told(command: Command, wav: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", SECRET)
    monkeypatch.setattr(phone_ring, "RealtimeApp", scripted_app)
    port = str(unused_port())
    with application(port) as url:
        heard = tmp_path / "heard.wav"
        shown = command(
            "phone",
            "ring",
            url,
            wav,
            "--port",
            port,
            "--out",
            heard,
            "--line",
            "pcm",
            "--keys",
            "12@100ms",
            "--hang-up-after",
            "1500ms",
        )
        assert f"the service is at http://127.0.0.1:{port}/v1" in shown.out
        assert "answered; the first sound came" in shown.out
        assert "key 2" in shown.out
        assert read_wav(heard).duration_ms > 1000
        told = command(
            "phone", "ring", url, wav, "--port", port, "--webhook-fault", "stale", "--json", "--header", "X-Order: 7"
        )
    report = json.loads(told.out)
    assert (report["sip_status"], report["webhook_statuses"]) == (487, [400])


def test_an_application_that_is_not_there_is_told(command: Command, wav: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", SECRET)
    monkeypatch.setattr(phone_ring, "RealtimeApp", scripted_app)
    url = f"http://127.0.0.1:{unused_port()}/"
    shown = command("phone", "ring", url, wav, "--port", "0", "--secret-env", "SECRET", code=1)
    assert "webhook not delivered" in shown.out
    assert "not answered: SIP 487" in shown.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--secret-env", "NONE"), "NONE holds no secret"),
        (("--line", "opus"), "--line is one of pcmu"),
        (("--keys", "12"), "--keys is keys and a time"),
        (("--header", "X"), "--header is NAME:VALUE"),
        (("--port", "99999"), "--port"),
        (("--ring-for", "no"), "--ring-for is a duration"),
    ],
)
def test_what_cannot_be_right_is_said(
    arguments: tuple[str, str], words: str, command: Command, wav: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", SECRET)
    assert words in command("phone", "ring", "http://127.0.0.1:9/", wav, *arguments, code=2).err


def test_the_webhook_is_a_url(command: Command, wav: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "has a URL such as" in command("phone", "ring", "localhost:9", wav, code=2).err
