"""Joins a carrier's leg and a conversation: the asyncio shell of the bridge."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import inf
from typing import Final, TypeAlias

from duologue.client.asyncio.conversation import Conversation
from duologue.client.sound.playout import ItemPart
from duologue.clock import loop_time
from duologue.errors import (
    ConnectionClosed,
    ConnectionClosedOK,
    DuologueError,
    LocalProtocolError,
    NotConnected,
    RequestRejected,
)
from duologue.events import ResponseCreateEvent
from duologue.printable import printable, printable_name
from duologue.telephony.bridge import (
    AskAgain,
    Bridge,
    BridgeRequest,
    CallerSpeech,
    CutSpeech,
    KeyMode,
    KeysPressed,
    session_encoding,
)
from duologue.telephony.leg_codec import Frame, LegCodec
from duologue.telephony.leg_events import CallEnded, CallerAudio, CallStarted, LegEvent, UnknownLegFrame, masked_number
from duologue.telephony.legs import LegSocket, leg_transport
from duologue.transports.base import Transport

__all__ = ["PhoneCall", "accept", "join"]

_logger = logging.getLogger(__name__)

_MAX_MESSAGE: Final = 64 * 1024
"""Bytes or characters of one message: two seconds of 16 kHz audio, where carriers send 20 to 100 ms."""

_CLOSE_S: Final = 1.0
"""How long a carrier may take to be told goodbye."""

_LOOK_S: Final = 0.1
"""How often what was heard is reported while the caller hears something."""

_OnEvent: TypeAlias = Callable[[LegEvent], object]


async def join(
    websocket: LegSocket,
    codec: LegCodec,
    conversation: Conversation,
    *,
    keys: KeyMode = "answer",
    on_event: _OnEvent | None = None,
) -> CallEnded:
    """Have a caller and a conversation talk, until one of them ends; returns how the call ended.

    `websocket` is that of an ASGI framework, or a `Transport`; `codec` speaks the carrier's protocol: `Twilio()`. The
    session's audio formats are set to those of the call where that avoids resampling. With `keys="answer"`, pressed
    keys interrupt, become a message of the user, `[keys] 12#`, and are answered; `on_event` is called with everything
    but audio that the carrier tells, and must not block. At the end the carrier's connection is closed, and the
    conversation stays open.

    Check who opened the socket before: see `duologue.telephony.signatures`. Cancelling closes the carrier's connection.

    Raises:
        ConnectionClosed: the carrier has gone, or no call was started, before there was one.
        MissingExtra: the rates of call and session differ, and the `audio` extra is not installed.
        TypeError: this is no WebSocket.
    """
    call = await accept(websocket, codec, on_event=on_event)
    return await call.join(conversation, keys=keys)


async def accept(websocket: LegSocket, codec: LegCodec, *, on_event: _OnEvent | None = None) -> PhoneCall:
    """Accept the carrier's connection, and wait for the start of the call, 5 s at most.

    So that an application knows who calls before it opens a session.

    Raises:
        ConnectionClosed: the carrier has gone, or no call was started.
        TypeError: this is no WebSocket.
    """
    transport = await leg_transport(websocket, subprotocol=codec.traits.subprotocol)
    call = PhoneCall(transport, codec, on_event=on_event)
    try:
        await call.start()
    except BaseException:
        await call.close()
        raise
    return call


class PhoneCall:
    """A call that has started. `accept` makes it; `hang_up` can be a function of the model: `tools=[call.hang_up]`."""

    def __init__(self, transport: Transport, codec: LegCodec, *, on_event: _OnEvent | None = None) -> None:
        self._transport = transport
        self._codec = codec
        self._on_event = on_event
        self._bridge = Bridge(codec, now=loop_time())
        self._changes = (asyncio.Event(), asyncio.Event())  # of the writer, and of the conversation's task
        self._conversation: Conversation | None = None

    def __repr__(self) -> str:
        return f"<PhoneCall {self._bridge.started!r}>"

    @property
    def _protocol(self) -> str:
        return type(self._codec).__name__

    @property
    def started(self) -> CallStarted:
        """Who calls, and what was passed along."""
        assert self._bridge.started is not None, "accept waits for it"
        return self._bridge.started

    async def hang_up(self) -> str:
        """Hang up the phone. The caller still hears what is being said."""
        self.finish()
        return "The call ends when everything was heard."

    def finish(self) -> None:
        """End the call when the caller has heard what is being said, within 20 s."""
        self._bridge.hang_up(now=loop_time())
        self._changed()

    async def start(self) -> None:
        """Wait for the start of the call. Raises ConnectionClosed if there is none."""
        bridge = self._bridge
        while bridge.started is None:
            if bridge.ended is not None:
                raise ConnectionClosed(1002, bridge.ended.reason or "the call ended before it started")
            try:
                async with asyncio.timeout_at(bridge.next_tick_at):
                    await self._read_one()
            except TimeoutError:
                bridge.tick(loop_time())
        started = bridge.started
        caller = masked_number(started.caller or started.parameters.get("caller", "")) or "a number that is not told"
        _logger.info("a call of %s from %s has started", printable_name(self._protocol), printable(caller))

    async def close(self) -> None:
        """Tell the carrier that the call is over, and close its connection, within a second."""
        with suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                if (frame := self._codec.hang_up()) is not None:
                    await self._transport.send(frame)
        await self._transport.close()

    async def join(self, conversation: Conversation, *, keys: KeyMode = "answer") -> CallEnded:
        """As the function `join`, for a call that was accepted. Once for each call."""
        bridge, core = self._bridge, conversation.core
        bridge.keys = keys
        self._conversation = conversation
        try:
            with suppress(ConnectionClosed):  # which the conversation tells below, too
                await self._adapt_formats(conversation)
            core.players.append(self)
            conversation.attach(self)
            try:
                await self._run(conversation)
            finally:
                conversation.detach(self)
                core.players.remove(self)
        finally:
            await self.close()
        assert bridge.ended is not None
        reason = bridge.ended.reason or "hung up"
        _logger.info("a call of %s is over: %s", printable_name(self._protocol), printable(reason))
        return bridge.ended

    # --- what the conversation asks and tells

    def report_now(self) -> bool:
        """Report what was heard by now; returns whether there is more to be heard."""
        if self._conversation is not None:
            ledger = self._conversation.core.output_audio.playback
            for part, position in self._bridge.report(loop_time()):
                ledger.played_to(part.item_id, part.content_index, n_bytes=position)
        return not self._bridge.is_silent

    def put(self, notice: object, /) -> None:
        """Take a notice or an event."""
        self._bridge.notice(notice, received_bytes=self._received_bytes, now=loop_time())
        self._changed()

    def end(self, fault: DuologueError, /) -> None:
        """No more notices will come."""
        self._bridge.conversation_over(
            "the conversation is over" if isinstance(fault, ConnectionClosedOK) else str(fault)
        )
        self._changed()

    def _received_bytes(self, part: ItemPart) -> int:
        assert self._conversation is not None
        return self._conversation.core.output_audio.playback.received_bytes(part.item_id, part.content_index)

    # --- the tasks

    async def _adapt_formats(self, conversation: Conversation) -> None:
        """Rule 1: the session takes and gives what the call has, so that nothing is resampled."""
        core, wanted = conversation.core, session_encoding(self.started.encoding)
        if wanted is None or core.checks.input_encoding == core.output_audio.encoding == wanted:
            return
        audio = {"format": {"type": wanted.type}}
        try:
            await conversation.update_session({"type": "realtime", "audio": {"input": audio, "output": audio}})
        except (RequestRejected, LocalProtocolError) as fault:
            _logger.warning("the call's audio is converted, the session does not take it: %s", printable(str(fault)))

    async def _run(self, conversation: Conversation) -> None:
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._until_over(over, work))
                for work in (self._read, self._write, lambda: self._tell(conversation))
            ]
            await over.wait()
            for task in tasks:
                task.cancel()

    async def _until_over(self, over: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except ConnectionClosed as fault:
            self._bridge.end(CallEnded(reason=fault.reason or "the connection was closed"))
        finally:
            over.set()

    async def _read(self) -> None:
        while self._bridge.ended is None:
            await self._read_one()
            self._changed()

    async def _read_one(self) -> None:
        try:
            message = await self._transport.receive()
        except ConnectionClosed as fault:
            self._bridge.end(CallEnded(reason=fault.reason or "the carrier has closed the connection"))
            return
        if len(message) > _MAX_MESSAGE:
            await self._transport.close(1009, "a message of a call is at most 64 kB")
            self._bridge.end(CallEnded(reason="the carrier has sent a message that is too long"))
            return
        event = self._codec.decode(message)
        if isinstance(event, UnknownLegFrame):
            _logger.debug("a frame that is not understood: %s", printable(event.reason))
        if self._on_event is not None and not isinstance(event, CallerAudio):
            self._on_event(event)
        self._bridge.leg(event, now=loop_time())

    async def _write(self) -> None:
        """Frames for the carrier, until the call is over."""
        bridge, changed = self._bridge, self._changes[0]
        while bridge.ended is None:
            changed.clear()
            frames: list[Frame] = bridge.take_frames(loop_time())
            for frame in frames:
                await self._transport.send(frame)
            if not frames:
                await _wait(changed, bridge.next_frames_at)

    async def _tell(self, conversation: Conversation) -> None:
        """What the conversation is to do, until the call is over."""
        bridge, changed = self._bridge, self._changes[1]
        while bridge.ended is None:
            changed.clear()
            bridge.tick(loop_time())
            for request in bridge.take_requests():
                with suppress(NotConnected):  # while there is no session, keys are lost as speech is
                    await self._carry_out(request, conversation)
            look_at = loop_time() + _LOOK_S if self.report_now() else inf
            if bridge.ended is None:  # the tick may have ended it
                await _wait(changed, min(bridge.next_tick_at, look_at))

    async def _carry_out(self, request: BridgeRequest, conversation: Conversation) -> None:
        match request:
            case CallerSpeech(audio=audio):
                await conversation.send_audio(audio, encoding=self.started.encoding)
            case KeysPressed(keys=keys):
                if not self._bridge.is_silent:
                    await conversation.interrupt()
                await conversation.send_text(f"[keys] {keys}")
                await conversation.send(ResponseCreateEvent())
            case CutSpeech():
                self.report_now()
                truncate = conversation.core.output_audio.interrupt(None).truncate
                self._bridge.interrupted()
                if truncate is not None:
                    await conversation.send(truncate)
            case AskAgain():
                await conversation.send(ResponseCreateEvent())

    def _changed(self) -> None:
        for change in self._changes:
            change.set()


async def _wait(changed: asyncio.Event, until: float) -> None:
    if until == -inf:
        await asyncio.sleep(0)
        return
    with suppress(TimeoutError):
        async with asyncio.timeout_at(None if until == inf else until):
            await changed.wait()
