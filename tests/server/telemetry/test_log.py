from __future__ import annotations

import logging

import pytest
from websockets.asyncio.client import connect as websockets_connect

from duologue import connect
from duologue.errors import ConnectFailed
from duologue.server.telemetry.log import FACTS
from duologue.testing import scripted_engines
from tests.server._listening import listening, scripted_app
from tests.server._talking import event, speak, typed, until, update


async def test_the_log_has_the_course_of_a_session_in_names_ids_and_numbers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    engines = scripted_engines(transcripts=["sesame"], responses=["sesame."])
    async with listening(scripted_app(engines, api_key="sesame")) as url:
        async with connect(url, api_key="sesame") as connection:
            await connection.send(update(instructions="sesame"))
            await connection.send(typed("sesame"))
            await speak(connection)
            await until(connection, "response.done")
            await connection.send(event("response.cancel"))
            await until(connection, "error")
        async with connect(url, api_key="not sesame") as connection:
            await until(connection, "error")
    reported = [facts for record in caplog.records if (facts := getattr(record, FACTS, None))]
    assert [facts["event"] for facts in reported] == [
        "session opened",
        "response done",
        "error sent",
        "session closed",
        "client turned away",
        "draining",
    ]
    assert {facts["session"] for facts in reported[:4]} == {reported[0]["session"]}
    assert reported[0]["session"].startswith("sess_")
    assert reported[1]["status"] == "completed"
    assert reported[2]["code"] == "response_cancel_not_active"
    assert reported[3]["code"] == 1000
    assert reported[3]["received_bytes"] > 48_000
    assert reported[4]["reason"] == "wrong_key"


async def test_nothing_of_a_session_and_no_key_is_logged_on_any_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    engines = scripted_engines(transcripts=["sesame"], responses=["sesame."])
    app = scripted_app(engines, api_key="k-sesame")
    logging.getLogger("websockets.client").setLevel(logging.WARNING)  # this end's, not the server's
    async with listening(app) as url:
        for query, headers in (("?api_key=k-sesame", {}), ("", {"Authorization": "Bearer k-sesame"})):
            async with websockets_connect(url + query, additional_headers=headers) as socket:
                for sent in (
                    '{"type":"session.update","session":{"type":"realtime","instructions":"sesame"}}',
                    '{"type":"sesame"}',
                    '{"sesame',
                    '{"type":"response.create","response":{"output_modalities":["text"]}}',
                ):
                    await socket.send(sent)
                while "response.done" not in str(await socket.recv()):
                    pass
        with pytest.raises(ConnectFailed):
            async with connect(url.replace("/v1/realtime", "/v2?api_key=k-sesame")):
                pass
    assert caplog.records
    assert [record for record in caplog.records if "sesame" in record.getMessage()] == []


async def test_each_frame_of_a_session_is_on_the_wire_s_log_by_type_id_and_size(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "duologue.wire")
    async with listening(scripted_app()) as url, websockets_connect(url) as socket:
        created = await socket.recv()
        await socket.send('{"type":"session.update","event_id":"mine","session":{"type":"realtime"}}')
        while '"session.updated"' not in str(await socket.recv()):
            pass
    first = caplog.messages[0]
    assert first.startswith("sent session.created event_")
    assert f"({len(created)} bytes), session sess_" in first
    assert any(line.startswith("received session.update mine (73 bytes), session sess_") for line in caplog.messages)
