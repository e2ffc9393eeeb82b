"""`duologue phone call`."""

from __future__ import annotations

import json
import socket
import wave
from collections.abc import Generator
from pathlib import Path

import pytest

from duologue.audio.wav import WavWriter
from duologue.server import RealtimeApp
from duologue.telephony.serving.authentication import TwilioAuthentication
from duologue.telephony.serving.phone_app import PhoneApp
from duologue.telephony.serving.phone_sessions import PhoneSessions
from duologue.testing.engines import scripted_app_engines, scripted_engines
from duologue.testing.served import RealtimeServer, ServerThread
from duologue.testing.sounds import tone
from tests.cli.conftest import Command

_LONG = "This is an answer that goes on for a while, so that there is something to interrupt."


@pytest.fixture
def phones(duologue_thread: ServerThread) -> Generator[str, None, None]:
    """The URL of a server that takes Twilio's calls."""
    app = RealtimeApp(engines=scripted_app_engines(scripted_engines(responses=[_LONG, "Hi."])))
    app.mount("phone", PhoneApp(PhoneSessions(app), {"twilio": TwilioAuthentication("secret")}))
    server = RealtimeServer(app, duologue_thread)
    yield server.url.partition("/v1/")[0]
    server.close()


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    """What the caller says."""
    path = tmp_path / "q.wav"
    with WavWriter(path, rate_hz=24_000) as file:
        file.write(tone(400))
    return path


def test_a_call_is_told_and_recorded(
    phones: str, wav: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUOLOGUE_TWILIO_AUTH_TOKEN", "secret")
    stereo = tmp_path / "call.wav"
    options: list[str | Path] = [
        "--interrupt-after",
        "300ms",
        "--record-stereo",
        stereo,
        "--json",
        "--packet-loss",
        "0.05",
    ]
    options += ["--record", tmp_path / "leg.jsonl"]
    shown = command("phone", "call", f"{phones}/phone/twilio", wav, wav, *options)
    report = json.loads(shown.out)
    assert report["is_answered"]
    assert len(report["spoken"]) == 2
    assert len(report["clears"]) == 1
    command("inspect", tmp_path / "leg.jsonl", "--out", tmp_path / "leg.html")
    assert '"leg":{"protocol":"twilio"' in (tmp_path / "leg.jsonl").read_text("utf-8")
    with wave.open(str(stereo), "rb") as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8_000)
        assert file.getnframes() / 8 == pytest.approx(report["duration_ms"], abs=1_500)


def test_who_is_not_let_in_gets_a_sentence(phones: str, wav: Path, command: Command) -> None:
    shown = command("phone", "call", f"{phones}/phone/twilio", wav, code=1)
    assert "403" in shown.err
    assert "DUOLOGUE_TWILIO_AUTH_TOKEN" in shown.err


def test_an_application_that_is_not_there_is_a_sentence(wav: Path, command: Command) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        shown = command("phone", "call", url, wav, "--protocol", "audiosocket", code=1)
    assert "cannot connect to 127.0.0.1" in shown.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--protocol", "pots"], "there is no protocol 'pots'"),
        (["--protocol", "audiosocket"], "is not called at a URL of ws"),
        (["--packet-loss", "5"], "from 0 to 1"),
        (["--reorder", "0.1"], "in order"),
        (["--keys", "12#"], "12#@3s"),
        (["--keys", "1@soon"], "--keys is a duration"),
        (["--parameter", "x"], "NAME=VALUE"),
        (["--patience", "0"], "--patience"),
    ],
)
def test_options_that_cannot_be_right_are_refused(
    arguments: list[str], sentence: str, phones: str, wav: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUOLOGUE_TWILIO_AUTH_TOKEN", "secret")
    shown = command("phone", "call", f"{phones}/phone/twilio", wav, *arguments, code=2)
    assert sentence in shown.err


def test_a_file_that_is_missing_is_refused(command: Command) -> None:
    assert "there is no file" in command("phone", "call", "ws://h/phone", "missing.wav", code=2).err
