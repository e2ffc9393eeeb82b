"""Servers whose sessions are recorded, of every kind."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect

from duologue import connect
from duologue.engines.scripted import ScriptedTranslator
from duologue.errors import RecordingError
from duologue.inspection import CallFold, CallView
from duologue.recording import ClosedLine, Header, RecordingReader
from duologue.server import LiveRequest, RealtimeApp, RecordingFolder, Upstream
from duologue.testing import scripted_engines
from duologue.transports import Transport
from duologue.transports.websocket import open_websocket
from tests.server._engines import LOUD, QUIET
from tests.server._listening import listening, scripted_app
from tests.server._relays import upstream_at
from tests.server._session_ends import SessionEnds
from tests.server._talking import event, speak, typed, until

pytestmark = pytest.mark.timeout(30)


def recorded(folder: Path) -> list[RecordingReader]:
    """All recordings, in the order of their names."""
    return [RecordingReader(folder / name) for name in files(folder)]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def folded(reader: RecordingReader) -> CallView:
    fold = CallFold(reader.header)
    for line in reader.lines():
        fold.push(line)
    reader.close()
    return fold.view


async def one_turn(url: str) -> None:
    async with connect(url) as connection:
        await until(connection, "session.created")
        await speak(connection)
        await until(connection, "response.done")


async def test_a_spoken_turn_over_a_socket_is_inspected_from_its_recording(tmp_path: Path) -> None:
    engines = scripted_engines(transcripts=["how are you"], responses=["I am fine."])
    async with listening(scripted_app(engines, record=tmp_path)) as url:
        await one_turn(f"{url}?model=m&api_key=hidden")
    (reader,) = recorded(tmp_path)
    assert (reader.header.family, reader.header.model, reader.header.dialect) == ("realtime", "m", "openai")
    assert reader.header.url == f"{url}?model=m"
    assert reader.header.subject == "address 127.0.0.1"
    call = folded(reader)
    (turn,) = call.turns
    assert (turn.kind, turn.answer_text, turn.status) == ("speech", "I am fine.", "completed")
    assert {mark.text for mark in call.marks} >= {"transcribe begins", "respond begins", "synthesize ends"}
    assert not call.errors


async def test_a_recording_has_what_the_client_was_sent(tmp_path: Path) -> None:
    async with listening(scripted_app(record=tmp_path)) as url, connect(url) as connection:
        await until(connection, "session.created")
        await connection.send(typed("hi"))
        await connection.send(event("response.create"))
        came = [each.type for each in await until(connection, "response.done")]
    (reader,) = recorded(tmp_path)
    with reader:
        ours = [json.loads(frame.message)["type"] for frame in reader if frame.direction == "sent"]
    assert ours == ["session.created", *came]


async def test_files_are_their_owner_s_alone_and_their_names_sort_by_time(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "recordings"
    mask = os.umask(0)
    try:
        async with listening(scripted_app(record=folder)) as url:
            for _ in range(2):
                async with connect(url) as connection:
                    await until(connection, "session.created")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    first, second = recorded(folder)
    for reader in (first, second):
        created = json.loads(next(reader).message)
        assert re.fullmatch(rf"\d{{8}}T\d{{9}}Z-{created['session']['id']}\.jsonl", Path(reader.path).name)
        assert stat.S_IMODE(os.stat(reader.path).st_mode) == 0o600
        reader.close()
    assert first.header.started_at <= second.header.started_at


async def test_a_client_s_session_that_is_turned_away_leaves_no_file(tmp_path: Path) -> None:
    async with listening(scripted_app(record=tmp_path, api_key="open")) as url, websockets_connect(url) as socket:
        assert json.loads(await socket.recv())["type"] == "error"
    assert files(tmp_path) == []


async def test_a_relayed_session_is_recorded_as_its_client_sees_it(tmp_path: Path) -> None:
    engines = scripted_engines(transcripts=["how are you"], responses=["I am fine."])
    async with listening(scripted_app(engines)) as upstream_url:
        relay = RealtimeApp(upstream=upstream_at(upstream_url), record=tmp_path, dialect="openai-beta")
        async with listening(relay) as url, connect(url, dialect="openai-beta") as connection:
            await until(connection, "session.created")
            await speak(connection)
            await until(connection, "response.done")
    (reader,) = recorded(tmp_path)
    assert (reader.header.dialect, reader.header.family) == ("openai-beta", "realtime")
    assert "-relay_" in reader.path
    (turn,) = folded(reader).turns
    assert turn.answer_text == "I am fine."
    assert "response.audio.delta" in types(RecordingReader(reader.path), "sent")


async def send(socket: ClientConnection, name: str, **fields: Any) -> None:
    await socket.send(json.dumps({"type": name, **fields}))


async def until_type(socket: ClientConnection, name: str) -> None:
    async with asyncio.timeout(10):
        while json.loads(await socket.recv())["type"] != name:
            pass


def types(reader: RecordingReader, direction: str) -> set[str]:
    found = {json.loads(frame.message)["type"] for frame in reader if frame.direction == direction}
    reader.close()
    return found


async def start_live(socket: ClientConnection) -> None:
    await send(socket, "session.start", session={"model": "gpt-live-1"})
    await until_type(socket, "session.started")
    await send(socket, "session.input_audio.append", audio=base64.b64encode(LOUD * 100).decode())
    await send(socket, "session.close")
    await until_type(socket, "session.closed")


def live_url(url: str) -> str:
    return url.replace("/v1/realtime", "/v1/live/sessions")


def relay_of_live(upstream_url: str) -> Upstream:
    async def open_live(wanted: LiveRequest) -> Transport:
        return await open_websocket(live_url(upstream_url))

    return Upstream(open=upstream_at(upstream_url).open, dialect="openai", open_live=open_live)


@pytest.mark.parametrize("relayed", [False, True], ids=["served", "relayed"])
async def test_a_live_session_is_recorded(tmp_path: Path, relayed: bool) -> None:
    async with listening(scripted_app(record=None if relayed else tmp_path)) as url:
        if relayed:
            application = RealtimeApp(upstream=relay_of_live(url), record=tmp_path)
            async with listening(application) as relay_url, websockets_connect(live_url(relay_url)) as socket:
                await start_live(socket)
        else:
            async with websockets_connect(live_url(url)) as socket:
                await start_live(socket)
    (reader,) = recorded(tmp_path)
    assert reader.header.family == "live"
    assert types(RecordingReader(reader.path), "received") == {
        "session.start",
        "session.input_audio.append",
        "session.close",
    }
    assert types(reader, "sent") >= {"session.started", "session.closed"}


async def test_a_translation_session_is_recorded(tmp_path: Path) -> None:
    engines = replace(scripted_engines(transcripts=["good morning"]), translator=ScriptedTranslator(["buenos días"]))
    async with (
        listening(scripted_app(engines, record=tmp_path)) as url,
        websockets_connect(f"{url}/translations?model=gpt-realtime-translate") as socket,
    ):
        await until_type(socket, "session.created")
        await send(socket, "session.update", session={"audio": {"output": {"language": "es"}}})
        await until_type(socket, "session.updated")
        for sound in (LOUD,) * 4 + (QUIET,) * 12:
            await send(socket, "session.input_audio_buffer.append", audio=base64.b64encode(sound * 100).decode())
        await until_type(socket, "session.output_audio.delta")
    (reader,) = recorded(tmp_path)
    assert reader.header.family == "translation"
    assert "session.output_audio.delta" in types(reader, "sent")


async def test_the_last_line_says_who_closed(tmp_path: Path) -> None:
    ends = SessionEnds()
    async with listening(scripted_app(record=tmp_path, ends=ends)) as url:
        async with connect(url) as connection:
            await until(connection, "session.created")
        async with websockets_connect(url) as socket:
            await until_type(socket, "session.created")
            socket.transport.abort()
            assert await asyncio.wait_for(ends.codes.get(), 5) == 1000
            assert await asyncio.wait_for(ends.codes.get(), 5) == 1006
    told = []
    for reader in recorded(tmp_path):
        *_, last = reader.lines()
        assert isinstance(last, ClosedLine)
        told.append((last.code, last.by))
        reader.close()
    assert told == [(1000, "client"), (1006, "network")]


async def test_a_recording_that_fails_is_logged_once_and_its_session_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "recordings"
    application = scripted_app(record=folder)
    folder.rmdir()
    with caplog.at_level(logging.ERROR, "duologue.server"):
        async with listening(application) as url:
            await one_turn(url)
            await one_turn(url)
    (line,) = caplog.messages
    assert "recording stopped, sessions go on" in line
    assert "No such file" in line


async def test_at_its_limit_the_folder_takes_no_more_and_the_session_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "old.jsonl").write_bytes(bytes(5000))
    with caplog.at_level(logging.ERROR, "duologue.server"):
        async with listening(scripted_app(record=RecordingFolder(tmp_path, max_bytes=5000))) as url:
            await one_turn(url)
            await one_turn(url)
    assert files(tmp_path) == ["old.jsonl"]
    (line,) = caplog.messages
    assert "the limit of the folder is reached" in line


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("/dev/null")], ids=["file", "link"])
def test_what_cannot_be_a_folder_is_refused_at_the_start(tmp_path: Path, make: Callable[[Path], Any]) -> None:
    make(tmp_path / "taken")
    with pytest.raises(RecordingError, match=r"cannot record into .*taken"):
        RecordingFolder(tmp_path / "taken")


async def test_an_id_of_any_kind_makes_a_plain_name(tmp_path: Path) -> None:
    folder = RecordingFolder(tmp_path)
    async with folder.running():
        session = folder.opened(
            "../\u202e\n" + "x" * 300, Header(started_at="2026-03-01T13:00:00.123+01:00", side="server")
        )
        session.passed(0.0, "sent", "{}")
        session.ended()
    assert files(tmp_path) == [f"20260301T120000123Z-{'_' * 5}{'x' * 75}.jsonl"]


async def test_a_disk_that_hangs_is_logged_when_the_server_stops(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stop(self: object) -> bool:
        return False

    folder = RecordingFolder(tmp_path)
    monkeypatch.setattr("duologue.server.recordings.writing_thread.WritingThread.stop", stop)
    async with folder.running():
        thread = folder._thread._thread
        monkeypatch.undo()
        monkeypatch.setattr("duologue.server.recordings.writing_thread.WritingThread.stop", stop)
    assert "the last lines are lost" in caplog.text
    monkeypatch.undo()
    folder._thread._thread = thread
    assert await folder._thread.stop()
