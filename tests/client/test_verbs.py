"""Verbs of a connection, beside those of the official SDK: docs/howto/from-openai-python.md, line by line."""

from __future__ import annotations

import ast
import asyncio
import base64
import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest
from openai.resources.live.live import AsyncLiveConnection
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from duologue import blocking, connect
from duologue.errors import LocalProtocolError
from duologue.testing import Expect, Send
from duologue.transports import memory_pair
from duologue.transports.blocking import blocking_memory_pair
from tests.client.live._talking import RESPONSES, START, delegates, serving, started, talking

PAGE = Path(__file__).parent.parent.parent / "docs" / "howto" / "from-openai-python.md"

NAMES = {
    "base64": base64,
    "pcm": b"\x01\x02",
    "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
}


def live_lines() -> list[tuple[str, str]]:
    """Those of the page on Live."""
    section = PAGE.read_text(encoding="utf-8").split("## Live")[1]
    return re.findall(r"^\| `(await connection.*?)` \| `(await .*?)` \|$", section, re.MULTILINE)


def lines() -> list[tuple[str, str]]:
    """The lines of the page on sending: what the SDK is told, and what duologue is told."""
    section = PAGE.read_text(encoding="utf-8").split("## Sending")[1].split("## ")[0]
    return re.findall(r"^\| `(await .*?)` \| `(await .*?)` \|$", section, re.MULTILINE)


class Socket:
    """What the SDK sends."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    async def send(self, text: str) -> None:
        self.sent.append(json.loads(text))


async def run(line: str, connection: object) -> None:
    code = compile(line, "<page>", "eval", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, {**NAMES, "connection": connection, "live": connection})
    if inspect.isawaitable(result):
        await result


def without_id(frame: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in frame.items() if name != "event_id"}


@pytest.mark.parametrize(("theirs", "ours"), lines(), ids=lambda line: line[:90])
async def test_each_line_of_the_page_sends_what_the_official_sdk_sends(theirs: str, ours: str) -> None:
    socket, (client, server) = Socket(), memory_pair()
    await run(theirs, AsyncRealtimeConnection(socket))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    async with asyncio.timeout(5), connect(transport=client) as connection:
        await run(ours, connection)
        assert [without_id(json.loads(await server.receive()))] == socket.sent


@pytest.mark.parametrize(("theirs", "ours"), lines(), ids=lambda line: line[:90])
async def test_a_blocking_connection_has_the_same_verbs(theirs: str, ours: str) -> None:
    socket, (client, server) = Socket(), blocking_memory_pair()
    await run(theirs, AsyncRealtimeConnection(socket))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with blocking.connect(transport=client) as connection:
        await run(ours.removeprefix("await "), connection)
        assert [without_id(json.loads(server.receive(timeout=5)))] == socket.sent


@pytest.mark.parametrize(("theirs", "ours"), live_lines(), ids=lambda line: line[:90])
async def test_each_line_on_live_sends_what_the_official_sdk_sends(theirs: str, ours: str) -> None:
    socket = Socket()
    await run(theirs, AsyncLiveConnection(socket))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    [told] = socket.sent
    start = started(**RESPONSES) if told["type"] == "response.create" else START
    server = serving(Send(delegates("item_1")), Expect(told["type"]), start=start)
    async with talking(server) as live:
        await run(ours, live)
    [mine] = [event for event in server.received[0] if event["type"] == told["type"]]
    assert without_id(mine) | {"delegation_id": mine.get("delegation_id")} == without_id(told) | {
        "delegation_id": told.get("delegation_id")
    }


def test_the_page_has_every_verb_of_the_sdk() -> None:
    names = {re.sub(r"\(.*", "", theirs.removeprefix("await connection.")) for theirs, _ in lines()}
    assert names == {
        "send",
        "session.update",
        "response.create",
        "response.cancel",
        *(f"input_audio_buffer.{verb}" for verb in ("append", "commit", "clear")),
        "output_audio_buffer.clear",
        *(f"conversation.item.{verb}" for verb in ("create", "delete", "retrieve", "truncate")),
    }


async def test_a_verb_takes_an_event_id_and_refuses_what_is_no_event() -> None:
    client, server = memory_pair()
    async with asyncio.timeout(5), connect(transport=client) as connection:
        await connection.response.create(response={"instructions": "Greet."}, event_id="event_mine")
        assert json.loads(await server.receive())["event_id"] == "event_mine"
        await connection.input_audio_buffer.append(audio="AQI=", event_id="event_2")
        assert json.loads(await server.receive())["audio"] == "AQI="
        with pytest.raises(LocalProtocolError, match=r"^item\.content: it must be a list, not str"):
            await connection.conversation.item.create(item={"type": "message", "role": "user", "content": "Hi"})
