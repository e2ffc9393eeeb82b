"""A raw connection to the server under test: plain JSON goes out, whatever comes is written down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from duologue.codec.jsontext import parse_object
from duologue.conformance.outcomes import Undecided, Violation
from duologue.conformance.wire.call_opener import OpenedCall
from duologue.conformance.wire.trace import Json, Trace, WireMessage
from duologue.errors import ConnectionClosed, DecodeError
from duologue.transports import Transport

__all__ = ["RawConnection"]

_QUIET_S: Final = 0.3
"""After so much silence no more events are expected: an answer takes a round trip, 0.2 s around the world."""

_CONTINUOUS: Final = frozenset({"session.output_audio.delta", "session.input_audio.append"})
"""Events of the families without turns that come all the time: they do not show that an answer is on its way."""


class RawConnection:
    """One connection, with a trace of everything that was sent and received.

    Waiting looks at the events since the last `send`, and passes over each event once.
    """

    def __init__(
        self,
        transport: Transport,
        name: str,
        *,
        timeout_s: float,
        ids: str = "conform",
        opened: OpenedCall | None = None,
    ) -> None:
        self._ids = ids
        self._opened = opened
        self.trace: Trace = Trace(name=name)
        self.timeout_s = timeout_s
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._began_at = self._loop.time()
        self._came = asyncio.Condition()
        self._seen = 0
        """Index of the message at which waiting goes on."""
        self._sent = 0
        self.last_id: str | None = None
        """Id of the event that was sent last; None if the message was no event."""

    @property
    def opened(self) -> OpenedCall:
        """The call, and the answer that created it. Raises Undecided if this is none."""
        if self._opened is None:
            raise Undecided("this connection is no call")
        return self._opened

    # --- sending

    async def send(self, event: Json) -> str:
        """Send an event, with a new id unless it has one. Returns the id. Raises Violation if the server has closed."""
        self._sent += 1
        event = {"event_id": f"{self._ids}_{self._sent}", **event}
        await self.send_raw(msgspec.json.encode(event).decode(), event)
        return str(event["event_id"])

    async def send_raw(self, message: str | bytes, event: Json | None = None) -> None:
        """Send a message as it is. Raises Violation if the server has closed."""
        self._seen = len(self.trace.messages)
        self.last_id = None if event is None else str(event.get("event_id"))
        await self._write(message, event)

    async def feed(self, event: Json) -> None:
        """Send an event as it is, beside what waits for answers: waiting goes on where it was.

        Raises Violation if the server has closed.
        """
        await self._write(msgspec.json.encode(event).decode(), event)

    async def _write(self, message: str | bytes, event: Json | None) -> None:
        self.trace.messages.append(WireMessage(side="C", at_s=self.now_s, event=event or {}))
        try:
            await self._transport.send(message)
        except ConnectionClosed as closed:
            raise Violation(f"the server closed with {closed.code}") from closed

    # --- receiving

    @property
    def now_s(self) -> float:
        """Seconds since the connection was opened."""
        return self._loop.time() - self._began_at

    async def until(
        self,
        *types: str,
        about: Collection[str] = (),
        where: Callable[[WireMessage], bool] | None = None,
    ) -> WireMessage:
        """The next event of these types, about one of these ids if any are named.

        Raises Violation when nothing comes within the timeout, when the server closes, and when it sends an error.
        Events that come without a break do not extend the timeout.
        """

        def wanted(message: WireMessage) -> bool:
            named = message.type in types and (not about or bool(message.ids & set(about)))
            return named and (where is None or where(message))

        awaited = " or ".join(types)
        at = self._seen
        deadline = self._loop.time() + self.timeout_s
        while True:
            for message in self.trace.messages[at:]:
                at += 1
                if message.side == "C":
                    continue
                if wanted(message):
                    self._seen = at
                    return message
                if message.type == "error" and "error" not in types:
                    self._seen = at
                    raise Violation(f"{awaited} was expected, and {_described(message)} came")
                if message.type not in _CONTINUOUS:
                    deadline = self._loop.time() + self.timeout_s
            if self.trace.closed is not None:
                raise Violation(f"{awaited} was expected, and the server closed with {self.trace.closed[0]}")
            if not await self._more(deadline - self._loop.time()):
                last = next((each.type for each in reversed(self.trace.messages) if each.side == "S"), "nothing")
                raise Violation(f"no {awaited} within {self.timeout_s:g} s; the last event was {last}")

    async def answer(self, event: Json, *types: str, **more: Any) -> WireMessage:
        """Send, and wait as `until` does."""
        await self.send(event)
        return await self.until(*types, **more)

    async def quiet(self, quiet_s: float = _QUIET_S) -> list[WireMessage]:
        """Wait until no event has come for `quiet_s`; returns the events since the last `send` or wait."""
        began = self._seen
        deadline = self._loop.time() + self.timeout_s
        while self.trace.closed is None and self._loop.time() < deadline and await self._more(quiet_s):
            pass
        self._seen = len(self.trace.messages)
        return [each for each in self.trace.messages[began:] if each.side == "S"]

    async def during(self, seconds: float) -> list[WireMessage]:
        """Let this time pass; returns the server's events since the last `send` or wait."""
        began = self._seen
        await asyncio.sleep(seconds)
        self._seen = len(self.trace.messages)
        return [each for each in self.trace.messages[began:] if each.side == "S"]

    async def ended(self) -> tuple[int, str]:
        """The code and the reason with which the server closes. Raises Violation if it does not within the timeout."""
        deadline = self._loop.time() + self.timeout_s
        while self.trace.closed is None and self._loop.time() < deadline:
            await self._more(deadline - self._loop.time())
        if self.trace.closed is None:
            raise Violation(f"the server does not close within {self.timeout_s:g} s")
        return self.trace.closed

    def first(self, type: str) -> WireMessage:
        """The first event of this type. Raises Undecided if there is none: another rule is about that."""
        for each in self.trace.received(type):
            return each
        raise Undecided(f"no {type} came")

    def rewind(self, at: int) -> None:
        """Make waiting go on at this index of the trace's messages."""
        self._seen = at

    @property
    def session_type(self) -> str:
        """What the server calls this session: "realtime" or "transcription"."""
        types = [each.get("session.type") for each in self.trace.received("session.created", "session.updated")]
        return "transcription" if types and types[-1] == "transcription" else "realtime"

    def about(self, *ids: str, since: WireMessage | None = None, upto: WireMessage | None = None) -> list[WireMessage]:
        """Both sides' messages about these ids, from one message to another. `create` commands are about their item."""
        first = 0 if since is None else self.trace.messages.index(since)
        last = len(self.trace.messages) if upto is None else self.trace.messages.index(upto) + 1
        return [each for each in self.trace.messages[first:last] if each.ids & set(ids)]

    def since(self, event_id: str) -> list[WireMessage]:
        """Everything from the command with this id on."""
        at = next(n for n, each in enumerate(self.trace.messages) if each.event.get("event_id") == event_id)
        return self.trace.messages[at:]

    async def _more(self, timeout_s: float) -> bool:
        """Wait for one more message, or for the close; False if neither comes."""
        have = len(self.trace.messages)
        try:
            async with asyncio.timeout(timeout_s), self._came:
                await self._came.wait_for(lambda: len(self.trace.messages) > have or self.trace.closed is not None)
        except TimeoutError:
            return False
        return True

    # --- opening and closing

    @classmethod
    @asynccontextmanager
    async def over(
        cls,
        transport: Transport,
        name: str,
        *,
        timeout_s: float,
        ids: str = "conform",
        opened: OpenedCall | None = None,
    ) -> AsyncGenerator[RawConnection, None]:
        """Reads the transport for the length of a block; then waits for open responses and items, and closes.

        `ids` is what the ids of the events that are sent begin with; `opened` is the call that the transport is of.
        """
        connection = cls(transport, name, timeout_s=timeout_s, ids=ids, opened=opened)
        reading = asyncio.ensure_future(connection._read())  # noqa: TID251 - ended and awaited below
        try:
            try:
                yield connection
            finally:
                await connection._settle()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await transport.close()

    async def _read(self) -> None:
        while True:
            try:
                text = await self._transport.receive()
            except ConnectionClosed as closed:
                async with self._came:
                    self.trace.closed = (closed.code, closed.reason)
                    self._came.notify_all()
                return
            message = _message(text, self.now_s)
            async with self._came:
                self.trace.messages.append(message)
                self._came.notify_all()

    async def _settle(self) -> None:
        """Wait for open responses and items: the invariants are about whole traces."""
        while self.trace.closed is None and self._open():
            if not await self._more(self.timeout_s):
                return

    def _open(self) -> set[str]:
        begun: set[str] = set()
        for each in self.trace.received():
            id = each.get("response.id") if each.type.startswith("response.") else each.get("item.id")
            match each.type:
                case "response.created" | "conversation.item.added":
                    begun.add(str(id))
                case "response.done" | "conversation.item.done":
                    begun.discard(str(id))
                case _:
                    pass  # messages that neither begin nor end anything
        return begun


def _message(text: str | bytes, at_s: float) -> WireMessage:
    if isinstance(text, bytes):
        return WireMessage(side="S", at_s=at_s, event={}, problem="a binary message")
    try:
        return WireMessage(side="S", at_s=at_s, event=parse_object(text))
    except DecodeError as fault:
        return WireMessage(side="S", at_s=at_s, event={}, problem=fault.reason)


def _described(error: WireMessage) -> str:
    return f"error (code {error.get('error.code')}, param {error.get('error.param')})"
