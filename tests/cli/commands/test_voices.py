"""`duologue voices`."""

from __future__ import annotations

import json

import pytest

from duologue.cli.commands.voices import _base_of
from duologue.testing import scripted_engines
from tests.cli.conftest import Command, Place


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("localhost:8000", "http://localhost:8000/v1"),
        ("ws://h/v1/realtime", "http://h/v1"),
        ("wss://h/voice/v1/live/sessions", "https://h/voice/v1"),
        ("https://h/v1/", "https://h/v1"),
        ("https://h/v1/audio/voices", "https://h/v1"),
        ("https://h/", "https://h/v1"),
    ],
)
def test_any_url_of_a_server_leads_to_its_list(url: str, base: str) -> None:
    assert _base_of(url) == base


def test_a_server_s_voices_are_listed(command: Command, scripted_server: Place) -> None:
    expected = list(scripted_engines().synthesizer.voices)
    shown = command("voices", scripted_server.url, "--api-key", scripted_server.api_key)
    assert shown.out.splitlines() == expected
    shown = command("voices", scripted_server.url, "--api-key", scripted_server.api_key, "--json")
    assert json.loads(shown.out) == {"voices": expected, "languages": {"understood": None, "spoken": None}}


def test_a_wrong_key_is_a_sentence(command: Command, scripted_server: Place) -> None:
    shown = command("voices", scripted_server.url, "--api-key", "wrong", code=1)
    assert "answered 401" in shown.err
    assert "check the key" in shown.err


def test_a_server_without_a_list_is_a_sentence(command: Command, scripted_server: Place) -> None:
    origin = scripted_server.url.replace("ws:", "http:").partition("/v1")[0]
    shown = command("voices", f"{origin}/other", code=1)
    assert "lists no voices at /other/audio/voices" in shown.err


def test_without_a_url_the_shipped_voices_are_listed(command: Command) -> None:
    pytest.importorskip("hibari")
    shown = command("voices", "--json")
    listed = json.loads(shown.out)
    assert listed["voices"][0] == "heart"
    assert listed["languages"] == {"understood": ["en"], "spoken": ["en"]}
