"""A wish that is not met is said in the session and once in the log; one that is met is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from duologue.engines.scripted import ScriptedResponder, ScriptedTranscriber
from duologue.events import SessionUpdatedEvent
from duologue.protocol import SessionDefaults
from duologue.server.session.unmet_wishes import UnmetWishes
from duologue.testing import scripted_engines
from tests.server._talking import until, update
from tests.server.conftest import Talk


class English(ScriptedTranscriber):
    languages = ("en",)
    models = ("ears-1",)


class Chatty(ScriptedResponder):
    models = ("chat-1",)


ENGINES = replace(
    scripted_engines(), transcriber=English(("hello",), sample_rate_hz=24_000), responder=Chatty(("Hello.",))
)
VOICE = ENGINES.synthesizer.voices[0]


def transcription(**settings: str) -> dict[str, Any]:
    return {"audio": {"input": {"transcription": settings}}}


async def warnings_of(talk: Talk, **session: Any) -> list[dict[str, str]]:
    async with talk(ENGINES) as connection:
        await connection.send(update(**session))
        [updated] = await until(connection, "session.updated")
        listed: list[dict[str, str]] = updated.to_json()["session"].get("warnings", [])
        return listed


@pytest.mark.parametrize(
    ("session", "param", "message"),
    [
        (
            {"audio": {"output": {"voice": "marin"}}},
            "session.audio.output.voice",
            f"there is no voice 'marin'; '{VOICE}' speaks",
        ),
        (
            transcription(model="ears-1", language="de"),
            "session.audio.input.transcription.language",
            "scripted does not know 'de'; it knows en",
        ),
        (
            transcription(model="whisper-1"),
            "session.audio.input.transcription.model",
            "'whisper-1' is not here; scripted transcribes",
        ),
    ],
)
async def test_what_is_not_met_is_in_the_session_and_once_in_the_log(
    session: dict[str, Any], param: str, message: str, talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    async with talk(ENGINES) as connection:
        for _ in range(3):
            await connection.send(update(**session))
            [updated] = await until(connection, "session.updated")
            assert updated.to_json()["session"]["warnings"] == [{"param": param, "message": message}]
    [record] = [record for record in caplog.records if "wish not met" in record.message]
    assert f"param={param}" in record.message


@pytest.mark.parametrize(
    "session",
    [
        {},
        {"audio": {"output": {"voice": VOICE}}},
        {"audio": {"output": {"voice": SessionDefaults().voice}}},
        transcription(model="ears-1", language="en"),
        transcription(model="scripted", language="en-GB"),
        {"model": "another"},  # changes nothing, as at the hosted service
    ],
)
async def test_what_is_met_is_not_warned_about(session: dict[str, Any], talk: Talk) -> None:
    assert await warnings_of(talk, **session) == []


async def test_warnings_end_when_the_wish_does(talk: Talk) -> None:
    async with talk(ENGINES) as connection:
        for voice, warned in (("marin", True), (VOICE, False)):
            await connection.send(update(audio={"output": {"voice": voice}}))
            [updated] = await until(connection, "session.updated")
            assert ("warnings" in updated.to_json()["session"]) is warned


def updated_with(**fields: Any) -> SessionUpdatedEvent:
    event = SessionUpdatedEvent.from_json(
        {
            "type": "session.updated",
            "event_id": "e",
            "session": {"type": "realtime", "id": "s", "object": "o", **fields},
        }
    )
    assert isinstance(event, SessionUpdatedEvent)
    return event


def test_a_model_that_is_not_here_is_warned_about_unless_the_operator_has_named_it() -> None:
    event = updated_with(model="gpt-realtime")
    found = UnmetWishes(ENGINES, session_id="s", own=("duologue",)).noted(event, shown=True)
    assert found.session.extra["warnings"] == [
        {"param": "session.model", "message": "'gpt-realtime' is not here; scripted answers"}
    ]
    assert UnmetWishes(ENGINES, session_id="s", own=("gpt-realtime",)).noted(event, shown=True) is event
    assert UnmetWishes(scripted_engines(), session_id="s").noted(event, shown=True) is event, "there for any name"
    assert UnmetWishes(ENGINES, session_id="s").noted(event, shown=False) is event, "a dialect has no place for it"


def test_a_client_that_asks_for_ever_new_voices_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    wishes = UnmetWishes(ENGINES, session_id="s")
    for number in range(100):
        wishes.noted(updated_with(audio={"output": {"voice": f"v{number}"}}), shown=True)
    assert len(caplog.records) == 20
