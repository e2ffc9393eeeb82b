from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from duologue.errors import ConnectionClosed
from duologue.testing import check_transport
from duologue.transports import MemoryTransport, Transport


class Lossless(MemoryTransport):
    """Keeps the contract; the others break one point of it each."""

    def __init__(self) -> None:
        super().__init__(8)


class Mixes(Lossless):
    async def receive(self) -> str | bytes:
        message = await super().receive()
        return message.encode() if isinstance(message, str) else message


class Reverses(Lossless):
    async def receive(self) -> str | bytes:
        message = await super().receive()
        return message[::-1]


class Loses(Lossless):
    """Takes a message before it is sure that the receiver was not cancelled."""

    async def receive(self) -> str | bytes:
        message = await super().receive()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return message


class Swallows(Lossless):
    async def send(self, message: str | bytes, /) -> None:
        if message != b"":
            await super().send(message)


class FailsToSend(Lossless):
    async def send(self, message: str | bytes, /) -> None:
        raise ZeroDivisionError("not on purpose")


class NeverWaits(Lossless):
    async def send(self, message: str | bytes, /) -> None:
        if self._peer is not None:
            self._capacity = self._peer._capacity = 10**6
        await super().send(message)


class ForgetsWhatWasSent(Lossless):
    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self._peer is not None:
            self._peer._unread.clear()
        await super().close(code, reason)


class ForgetsWhy(Lossless):
    async def close(self, code: int = 1000, reason: str = "") -> None:
        await super().close(1000, "")


class EndsQuietly(Lossless):
    async def receive(self) -> str | bytes:
        try:
            return await super().receive()
        except ConnectionClosed:
            return ""


class SendsIntoNothing(Lossless):
    async def send(self, message: str | bytes, /) -> None:
        if self._closed is None:
            await super().send(message)


def pair_of(kind: type[Lossless]) -> tuple[Transport, Transport]:
    one, other = kind(), kind()
    one.join(other)
    return one, other


@pytest.mark.usefixtures("idle_clock")
@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (Swallows, "a message does not arrive"),
        (FailsToSend, "not on purpose"),
        (Mixes, "text and binary messages are confused"),
        (Reverses, "messages arrive changed"),
        (Loses, "a cancelled receive"),
        (NeverWaits, "a sender never waits"),
        (ForgetsWhatWasSent, "4000"),
        (ForgetsWhy, "another close"),
        (EndsQuietly, "another close|does not raise ConnectionClosed"),
        (SendsIntoNothing, "does not raise ConnectionClosed"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
async def test_a_transport_that_breaks_its_contract_is_shown_how(
    kind: type[Lossless], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duologue.testing.transports._LARGE_BYTES", 1024)

    @asynccontextmanager
    async def make_pair() -> AsyncGenerator[tuple[Transport, Transport], None]:
        yield pair_of(kind)

    with pytest.raises((AssertionError, ZeroDivisionError, ConnectionClosed), match=complaint):
        await check_transport(make_pair)
