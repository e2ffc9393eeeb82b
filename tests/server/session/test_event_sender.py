"""Events go to the socket at once while nothing waits, and never before one that does."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from duologue.errors import ConnectionClosedOK
from duologue.events import InputAudioBufferClearedEvent
from duologue.protocol import Close
from duologue.server.dialect.adapter import DialectAdapter
from duologue.server.session.event_sender import EventSender
from duologue.server.session.send_queue import SendQueue
from duologue.server.session.unmet_wishes import UnmetWishes
from duologue.server.telemetry.observer import UNOBSERVED
from duologue.testing import scripted_engines
from duologue.transports.wire_log import SERVER_WIRE


class Wire:
    """A transport whose socket is full when the test says so."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.at_once = 0
        self.full = False
        self.room = asyncio.Event()
        self.closed: int | None = None

    def write(self, *texts: bytes) -> bool:
        if self.full:
            return False
        self.sent += [text.decode() for text in texts]
        self.at_once += 1
        return True

    async def send(self, message: str | bytes, /) -> None:
        while self.full:
            await self.room.wait()
        if self.closed is not None:
            raise ConnectionClosedOK(1000, "")
        self.sent.append(str(message))

    async def receive(self) -> str | bytes:
        raise NotImplementedError

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed = code

    @property
    def ids(self) -> list[Any]:
        return [json.loads(text)["event_id"] for text in self.sent]


def sender_of(wire: Wire, dialect: str = "openai") -> tuple[EventSender, SendQueue]:
    queue = SendQueue()
    adapter = DialectAdapter(dialect, new_id=lambda kind: f"{kind}_1")
    wishes = UnmetWishes(scripted_engines(), session_id="sess_1", own=())
    sender = EventSender(wire, adapter, queue, observer=UNOBSERVED, unmet_wishes=wishes, session_id="sess_1")
    return sender, queue


def cleared(number: int) -> InputAudioBufferClearedEvent:
    return InputAudioBufferClearedEvent(event_id=str(number))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("dialect", ["openai", "openai-beta"])
async def test_events_keep_their_order_whether_they_are_written_at_once_or_wait(dialect: str) -> None:
    wire = Wire()
    sender, queue = sender_of(wire, dialect)
    sender.send(cleared(0))
    sender.write_at_once = wire.write
    sender.send(cleared(1))  # nothing is written before the task of the writer runs
    assert wire.sent == []
    writing = asyncio.ensure_future(sender.write())
    await settle()
    sender.send(cleared(2))
    assert (wire.ids, wire.at_once) == (["0", "1", "2"], 1)
    wire.full = True
    sender.send(cleared(3))
    sender.send(cleared(4))
    await settle()
    wire.full = False
    sender.send(cleared(5))  # two wait
    assert wire.at_once == 1
    wire.room.set()
    await settle()
    sender.send(cleared(6))
    assert (wire.ids, wire.at_once) == (["0", "1", "2", "3", "4", "5", "6"], 2)
    queue.put(Close(1001, "over"))
    sender.send(cleared(7))
    assert await asyncio.wait_for(writing, 5) == 1001
    sender.send(cleared(8))
    assert len(wire.sent) == 7


async def test_events_that_come_together_are_written_together_or_wait_together() -> None:
    wire = Wire()
    sender, _ = sender_of(wire)
    sender.write_at_once = wire.write
    writing = asyncio.ensure_future(sender.write())
    await settle()
    sender.send(cleared(1), cleared(2))
    assert (wire.ids, wire.at_once) == (["1", "2"], 1)
    wire.full = True
    sender.send(cleared(3), cleared(4))
    wire.full = False
    wire.room.set()
    await settle()
    sender.send()
    assert (wire.ids, wire.at_once) == (["1", "2", "3", "4"], 1)
    writing.cancel()
    await asyncio.wait({writing})


async def test_a_wire_that_is_logged_is_written_by_the_task_that_logs() -> None:
    wire = Wire()
    sender, _ = sender_of(wire)
    sender.write_at_once = wire.write
    writing = asyncio.ensure_future(sender.write())
    await settle()
    before = SERVER_WIRE.level
    SERVER_WIRE.setLevel(logging.DEBUG)
    try:
        sender.send(cleared(1))
        await settle()
    finally:
        SERVER_WIRE.setLevel(before)
    assert (wire.ids, wire.at_once) == (["1"], 0)
    writing.cancel()
    await asyncio.wait({writing})


async def test_a_client_that_is_gone_ends_the_writer_with_its_code() -> None:
    wire = Wire()
    sender, queue = sender_of(wire)
    wire.closed = 1000
    sender.send(cleared(1))
    assert await asyncio.wait_for(sender.write(), 5) == 1000
    assert not queue.is_idle
