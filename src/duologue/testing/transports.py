"""A check of the contract of `duologue.transports.Transport`, for transports of your own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, TypeAlias, TypeVar

from duologue.errors import ConnectionClosed
from duologue.transports import Transport

__all__ = ["TransportPair", "check_transport"]

TransportPair: TypeAlias = Callable[[], AbstractAsyncContextManager[tuple[Transport, Transport]]]
"""Makes two connected ends, for the length of a block."""

T = TypeVar("T")

_TIMEOUT_S: Final = 5.0
"""How long any step may take."""

_CLOSE_S: Final = 5.0
"""How long a close may take by the contract of `Transport.close`."""

_STALL_S: Final = 0.5
"""A send that takes this long is blocked by its peer."""

_LARGE_BYTES: Final = 256 * 1024
_MAX_UNREAD: Final = 256
"""Large messages that may be unread before a sender must wait: more than all buffers of a socket hold."""


async def check_transport(make_pair: TransportPair) -> None:
    """Check both ends of fresh pairs: order and types, closing, cancelled receives and backpressure.

    Takes a few seconds, most of them in a close that the peer does not answer.

    Raises:
        AssertionError: the transport breaks its contract; the message says how.
    """
    for first in (0, 1):
        async with _ends(make_pair, first) as (one, other):
            await _check_order_and_types(one, other)
        async with _ends(make_pair, first) as (one, other):
            await _check_close(one, other)
        async with _ends(make_pair, first) as (one, other):
            await _check_cancelled_receive(one, other)
        async with _ends(make_pair, first) as (one, other):
            await _check_backpressure(one, other)
        async with _ends(make_pair, first) as (one, other):
            await _check_close_of_a_stalled_pipe(one, other)


@asynccontextmanager
async def _ends(make_pair: TransportPair, first: int) -> AsyncGenerator[tuple[Transport, Transport], None]:
    """A fresh pair, with the end to try first."""
    async with make_pair() as ends:
        yield ends[first], ends[1 - first]


async def _check_order_and_types(one: Transport, other: Transport) -> None:
    sent: list[str | bytes] = ["", b"", "grüß dich \N{WAVING HAND SIGN}", b"\x00\xff", "x" * _LARGE_BYTES]
    sent += [str(number) for number in range(100)]
    # Not in a TaskGroup: that would wrap the AssertionError in a group.
    sending = asyncio.ensure_future(_send_all(one, sent))  # noqa: TID251 - ended below
    receiving = asyncio.ensure_future(_receive_all(other, len(sent)))  # noqa: TID251 - ended below
    try:
        _, received = await asyncio.gather(sending, receiving)
    finally:
        for task in (sending, receiving):
            task.cancel()
        await asyncio.gather(sending, receiving, return_exceptions=True)
    _expect(
        [type(message) for message in received] == [type(message) for message in sent],
        "text and binary messages are confused",
    )
    _expect(received == sent, "messages arrive changed, or in another order")


async def _check_close(one: Transport, other: Transport) -> None:
    await _within("a send waits though its peer has room", one.send("last message"))
    await _within("a close takes longer than 5 seconds", one.close(4000, "that was it"))
    await _within("a second close takes longer than 5 seconds", one.close())
    last = await _within("a message sent before a close is lost", other.receive())
    _expect(last == "last message", "a close changes the message before it")
    for _ in range(2):
        closed = await _closed("a receive at the end of a closed pipe", other.receive())
        _expect((closed.code, closed.reason) == (4000, "that was it"), f"the peer gets another close: {closed}")
    await _closed("a receive at the end that was closed", one.receive())
    await _closed("a send at the end that was closed", one.send("too late"))
    await _closed("a send to an end that was closed", other.send("too late"))
    await _within("a close of a closed pipe takes longer than 5 seconds", other.close())


async def _check_cancelled_receive(one: Transport, other: Transport) -> None:
    received: list[str | bytes] = []
    sent = [str(number) for number in range(20)]
    for number, message in enumerate(sent):
        waiting = asyncio.ensure_future(other.receive())  # noqa: TID251 - it is cancelled below, whatever happens
        # Cancelled at every distance from the arrival: before it begins, while it waits, when the message is there.
        await asyncio.sleep(0)
        if number % 2:
            await _within("a send waits though its peer has room", one.send(message))
        for _ in range(number // 2):
            await asyncio.sleep(0)
        waiting.cancel()
        received += [
            message for message in await asyncio.gather(waiting, return_exceptions=True) if isinstance(message, str)
        ]
        if not number % 2:
            await _within("a send waits though its peer has room", one.send(message))
    while len(received) < len(sent):
        received.append(await _within("a cancelled receive loses a message", other.receive()))
    _expect(received == sent, "a cancelled receive puts messages into another order")


async def _check_backpressure(one: Transport, other: Transport) -> None:
    n_sent, stalled = await _stall(one)
    for number in range(n_sent):
        message = await _within("a message is lost while a sender waits", other.receive())
        _expect(_number(message) == number, "messages arrive in another order while a sender waits")
    await _within("a sender goes on waiting though its peer has read everything", stalled)


async def _check_close_of_a_stalled_pipe(one: Transport, other: Transport) -> None:
    _, stalled = await _stall(one)
    started = asyncio.get_running_loop().time()
    await asyncio.wait_for(one.close(), 2 * _CLOSE_S)
    took_s = asyncio.get_running_loop().time() - started
    _expect(took_s < _CLOSE_S + _STALL_S, f"a close whose peer reads nothing takes {took_s:.1f} seconds")
    stalled.cancel()
    await asyncio.gather(stalled, return_exceptions=True)
    await _within("the other end cannot be closed", other.close())


async def _stall(one: Transport) -> tuple[int, asyncio.Future[None]]:
    """Send until a send waits. Returns the number of messages, and the send that waits."""
    for number in range(_MAX_UNREAD):
        message = f"{number} ".ljust(_LARGE_BYTES)
        sending = asyncio.ensure_future(one.send(message))  # noqa: TID251 - handed to the caller, or done
        done, _ = await asyncio.wait({sending}, timeout=_STALL_S)
        if not done:
            return number + 1, sending
        sending.result()
    raise AssertionError(f"a sender never waits, even with {_MAX_UNREAD} large messages that its peer has not read")


async def _send_all(end: Transport, messages: list[str | bytes]) -> None:
    for message in messages:
        await end.send(message)


async def _receive_all(end: Transport, count: int) -> list[str | bytes]:
    return [await _within("a message does not arrive", end.receive()) for _ in range(count)]


def _number(message: str | bytes) -> int:
    return int(message.split()[0])


async def _within(problem: str, work: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(_TIMEOUT_S + _STALL_S):
            return await work
    except TimeoutError:
        raise AssertionError(problem) from None


async def _closed(what: str, work: Awaitable[object]) -> ConnectionClosed:
    try:
        await _within(f"{what} waits", work)
    except ConnectionClosed as closed:
        return closed
    raise AssertionError(f"{what} does not raise ConnectionClosed")


def _expect(holds: bool, problem: str) -> None:
    if not holds:
        raise AssertionError(problem)
