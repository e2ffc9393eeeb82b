"""What clients of other servers send without a thought, and are understood in."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect as websockets_connect

from duologue.events.base import encode_audio
from tests.server._engines import LOUD
from tests.server._listening import listening, scripted_app
from tests.server.dialect.test_adapter import Spoken

pytestmark = pytest.mark.timeout(30)

MANUAL: dict[str, Any] = {"audio": {"input": {"turn_detection": None}}}


@pytest.mark.parametrize("kind", ["realtime", "transcription"])
@pytest.mark.parametrize("dialect", ["localai", "vllm-omni"])
def test_clients_of_open_servers_leave_the_type_of_their_session_out(dialect: str, kind: Any) -> None:
    session = Spoken(dialect, kind=kind)
    session.reported()
    assert [frame["type"] for frame in session.say(type="session.update", session=MANUAL)] == ["session.updated"]
    assert session.protocol.session.turn_settings is None


@pytest.mark.parametrize("dialect", ["speaches", "sglang"])
def test_a_flat_session_is_of_the_kind_that_was_opened(dialect: str) -> None:
    session = Spoken(dialect, kind="transcription")
    session.reported()
    update = {"turn_detection": None, "input_audio_transcription": {"model": "m"}}
    assert [frame["type"] for frame in session.say(type="session.update", session=update)] == ["session.updated"]


@pytest.mark.parametrize("off", [None, {"type": None}, {"type": None, "threshold": 0.5}])
def test_turn_detection_of_no_type_is_off_at_xai(off: Any) -> None:
    session = Spoken("xai")
    session.reported()
    session.say(type="session.update", session={"turn_detection": {"type": "server_vad"}})
    assert session.protocol.session.turn_settings is not None
    [updated] = session.say(type="session.update", session={"turn_detection": off})
    assert updated["session"]["turn_detection"] == {"type": None}
    assert session.protocol.session.turn_settings is None


@pytest.mark.parametrize("dialect", ["localai", "openai"])
async def test_a_commit_without_turn_detection_is_answered_by_itself_at_localai_alone(dialect: str) -> None:
    async with (
        listening(scripted_app(dialect=dialect)) as url,
        websockets_connect(url) as socket,
        asyncio.timeout(5),
    ):

        async def until(name: str) -> list[str]:
            names: list[str] = []
            while not names or names[-1] != name:
                names.append(json.loads(await socket.recv())["type"])
            return names

        session = MANUAL if dialect == "localai" else {"type": "realtime", **MANUAL}
        await socket.send(json.dumps({"type": "session.update", "session": session}))
        await until("session.updated")
        await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": encode_audio(LOUD * 1000)}))
        await socket.send('{"type":"input_audio_buffer.commit"}')
        if dialect == "localai":
            assert "response.output_audio.delta" in await until("response.done")
        else:
            await socket.send('{"type":"response.cancel"}')
            assert not any(name.startswith("response.") for name in await until("error"))
