"""The list of voices and languages."""

from __future__ import annotations

from dataclasses import replace

import httpx

from duologue.engines.scripted import ScriptedSynthesizer, ScriptedTranscriber
from duologue.server.http.voices import voices_of
from duologue.testing import scripted_engines
from tests.server._listening import scripted_app


class English(ScriptedTranscriber):
    languages = ("en",)


def test_voices_and_languages_are_those_of_the_engines() -> None:
    engines = replace(
        scripted_engines(),
        transcriber=English(("hello",)),
        synthesizer=ScriptedSynthesizer(voices=("heart", "ember"), sample_rate_hz=24_000),
    )
    assert voices_of(engines, "alloy") == {
        "voices": ["heart", "ember"],
        "default": "heart",
        "languages": {"understood": ["en"], "spoken": None},
    }
    assert voices_of(engines, "ember")["default"] == "ember"


def test_a_relay_knows_none() -> None:
    nothing = {"understood": None, "spoken": None}
    assert voices_of(None, "alloy") == {"voices": [], "default": "alloy", "languages": nothing}


async def test_the_list_is_for_those_who_have_a_key() -> None:
    app = scripted_app(api_key="sesame")
    async with (
        app.running(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as client,
    ):
        assert (await client.get("/v1/audio/voices")).status_code == 401
        answer = await client.get("/v1/audio/voices", headers={"Authorization": "Bearer sesame"})
    assert answer.json()["voices"] == list(scripted_engines().synthesizer.voices)
