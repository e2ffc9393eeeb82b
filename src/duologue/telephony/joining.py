"""Joins a carrier's leg and a conversation: the asyncio shell of the bridge."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final, TypeAlias

from duologue.audio.wav import Sound
from duologue.client.asyncio.conversation import Conversation
from duologue.client.sound.playout import ItemPart
from duologue.clock import loop_clock
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
from duologue.telephony.codecs.leg_codec import Frame, LegCodec
from duologue.telephony.codecs.leg_events import (
    CallEnded,
    CallerAudio,
    CallStarted,
    LegEvent,
    UnknownLegFrame,
    masked_number,
)
from duologue.telephony.control.asked_network import AskedNetwork
from duologue.telephony.control.call_control import CallControl
from duologue.telephony.control.transfers import transfer_function
from duologue.telephony.legs import LegSocket, leg_transport
from duologue.telephony.recorded_leg import LegLog, recorded_leg
from duologue.tracebacks import drop_frames_of
from duologue.transports.asgi import ASGITransport
from duologue.transports.base import Transport

if TYPE_CHECKING:
    from duologue.client.live.session import Live

__all__ = ["PhoneCall", "accept", "join"]

_logger = logging.getLogger(__name__)

_MAX_MESSAGE: Final = 64 * 1024
"""Bytes or characters of one message: two seconds of 16 kHz audio, where carriers send 20 to 100 ms."""

_CLOSE_S: Final = 1.0
"""How long a carrier may take to be told goodbye."""

_SAID_S: Final = 20.0
"""What is said before a transfer and takes longer is cut off."""

_LOOK_S: Final = 0.1
"""How often what was heard is reported while the caller hears something."""

_OnEvent: TypeAlias = Callable[[LegEvent], object]
_CarryOut: TypeAlias = Callable[[BridgeRequest], Awaitable[None]]


async def join(
    websocket: LegSocket,
    codec: LegCodec,
    conversation: Conversation | Live,
    *,
    keys: KeyMode = "answer",
    on_event: _OnEvent | None = None,
    control: CallControl | None = None,
) -> CallEnded:
    """Have a caller and a conversation, or a Live session, talk until one of them ends; returns how the call ended.

    `websocket` is that of an ASGI framework, or a `Transport`; `codec` speaks the carrier's protocol: `Twilio()`. The
    session's audio formats are set to those of the call where that avoids resampling. With `keys="answer"`, pressed
    keys interrupt, become a message of the user, `[keys] 12#`, and are answered; `on_event` is called with everything
    but audio that the carrier tells, and must not block. `control` is what the network is asked with over HTTP. At the
    end the carrier's connection is closed, and the conversation stays open. A Live session gets keys as something that
    it knows; start it in the format of the call.

    Check who opened the socket before: see `duologue.telephony.signatures`. Cancelling closes the carrier's connection.

    Raises:
        ConnectionClosed: the carrier has gone, or no call was started, before there was one.
        MissingExtra: the rates of call and session differ, and the `audio` extra is not installed.
        TypeError: this is no WebSocket.
    """
    call = await accept(websocket, codec, on_event=on_event, control=control)
    return await call.join(conversation, keys=keys)


async def accept(
    websocket: LegSocket,
    codec: LegCodec,
    *,
    on_event: _OnEvent | None = None,
    control: CallControl | None = None,
) -> PhoneCall:
    """Accept the carrier's connection, and wait for the start of the call, 5 s at most.

    So that an application knows who calls before it opens a session. With `control`, as `TwilioControl(…)`, the call
    can be transferred, and ends at the network too when it is hung up here.

    Raises:
        ConnectionClosed: the carrier has gone, or no call was started.
        TypeError: this is no WebSocket.
    """
    transport = await leg_transport(websocket, subprotocol=codec.traits.subprotocol)
    call = PhoneCall(transport, codec, on_event=on_event, control=control)
    try:
        await call.start()
    except BaseException:
        await call.close()
        raise
    return call


class PhoneCall:
    """A call that has started. `accept` makes it.

    The model can have functions of it: `tools=[call.hang_up, call.transfer_among({"sales": "+15551230042"})]`.
    """

    def __init__(
        self,
        transport: Transport,
        codec: LegCodec,
        *,
        on_event: _OnEvent | None = None,
        control: CallControl | None = None,
    ) -> None:
        self.leg_log: LegLog | None = None
        """What keeps the frames of the leg; None: the recording of the conversation, if there is one."""
        self._transport = transport
        self._network = AskedNetwork(control)
        self._codec = codec
        self._on_event = on_event
        self._now = loop_clock()
        self._bridge = Bridge(codec, now=self._now())
        self._changes = (asyncio.Event(), asyncio.Event(), asyncio.Event())
        """Of the writer, of the conversation's task, and for what waits until all was heard."""
        self._conversation: Conversation | None = None
        self._passes_on = False
        """Whether audio can go to the conversation as it comes: its task is not about to send what came before."""
        self._looks = False
        """Whether the conversation's task reports what is heard, by and by."""
        self._looks_at = inf
        """When the conversation's task wakes up by itself."""

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

    def play(self, sound: Sound) -> None:
        """Queue a sound behind what is being said, as a tone; an interruption drops it, and the model knows nothing.

        Raises MissingExtra if it has another rate than the call, and the `audio` extra is not installed.
        """
        encoding = self.started.encoding
        self._bridge.play(encoding.from_pcm16(sound.at(encoding.rate_hz).pcm16))
        self._changed()

    async def hang_up(self) -> str:
        """Hang up the phone. The caller still hears what is being said."""
        self.finish()
        return "The call ends when everything was heard."

    def finish(self) -> None:
        """End the call when the caller has heard what is being said, within 20 s."""
        self._network.must_hang_up = True
        self._bridge.hang_up(now=self._now())
        self._changed()

    async def transfer(self, to: str) -> str:
        """Connect the caller with a number, `+15551230042`, a `sip:` address, or an extension of Asterisk's dialplan.

        The caller first hears what is being said, for 20 s at most; then the network is asked, and the call ends here:
        `join` returns. If the network does not do it, the call goes on. Cancelling before that keeps the call. A model
        can be talked into dialling any number: give it `transfer_among`, and not this.

        Raises:
            LocalProtocolError: `accept` was given no `control`.
            ValueError: the network connects with no such target, or the call has no id.
            AuthenticationFailed: the network does not accept the key.
            ConnectFailed: the network was not reached within 5 s, or does not do it.
        """
        request = self._network.transfer_request(self.started, to)
        await self._until_heard()
        if self._bridge.ended is not None or not await self._network.transfer(request):
            return "The call was over already."
        _logger.info("a call of %s is transferred", printable_name(self._protocol))
        self._bridge.transferred()
        self._changed()
        return "The caller is being connected."

    def transfer_among(self, targets: Mapping[str, str]) -> Callable[[str], Awaitable[str]]:
        """A function for the model, `transfer`, which connects the caller with one of these targets, by their names.

        A transfer that fails is told to the model, and the call goes on.

        Raises:
            LocalProtocolError: `accept` was given no `control`.
            ValueError: there are no targets, the network connects with no such one, or the call has no id.
        """
        for to in targets.values():
            self._network.transfer_request(self.started, to)
        return transfer_function(self.transfer, targets)

    async def _until_heard(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_SAID_S):
                while self.report_now() and self._bridge.ended is None:
                    self._changes[2].clear()
                    await self._changes[2].wait()

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
                bridge.tick(self._now())
        started = bridge.started
        caller = masked_number(started.caller or started.parameters.get("caller", "")) or "a number that is not told"
        _logger.info("a call of %s from %s has started", printable_name(self._protocol), printable(caller))

    async def close(self) -> None:
        """Tell the carrier that the call is over, and close its connection, within a second; a network that is asked
        over HTTP has 5 s."""
        if self._bridge.started is not None:
            await self._network.hang_up(self._bridge.started)
        with suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                if (frame := self._codec.hang_up()) is not None:
                    await self._transport.send(frame)
        await self._transport.close()

    async def join(
        self, conversation: Conversation | Live, *, keys: KeyMode = "answer", on_event: _OnEvent | None = None
    ) -> CallEnded:
        """As the function `join`, for a call that was accepted. Once for each call.

        `on_event` replaces that of `accept`.
        """
        bridge = self._bridge
        bridge.keys = keys
        self._on_event = on_event or self._on_event
        self._transport = recorded_leg(self._transport, self._codec, self.leg_log, conversation, self.started)
        try:
            if isinstance(conversation, Conversation):
                await self._join_conversation(conversation)
            else:
                await self._join_live(conversation)
            await self._network.answered()
        finally:
            await self.close()
        assert bridge.ended is not None
        reason = bridge.ended.reason or "hung up"
        _logger.info("a call of %s is over: %s", printable_name(self._protocol), printable(reason))
        return bridge.ended

    async def _join_conversation(self, conversation: Conversation) -> None:
        core, self._conversation = conversation.core, conversation
        with suppress(ConnectionClosed):  # which the conversation tells below, too
            await self._adapt_formats(conversation)
        core.players.append(self)
        conversation.attach(self)
        try:
            await self._run(partial(self._carry_out, conversation))
        finally:
            conversation.detach(self)
            core.players.remove(self)
            self._conversation = None  # its functions refer to this object

    async def _join_live(self, live: Live) -> None:
        # At its first use: the family's classes take time to define, and most programs do without.
        from duologue.telephony.live_leg import LiveLeg

        leg = LiveLeg(live, self._bridge, now=self._now, changed=self._changed)
        live.attach(leg)
        try:
            await self._run(leg.carry_out)
        finally:
            live.detach(leg)

    # --- what the conversation asks and tells

    def report_now(self) -> bool:
        """Report what was heard by now; returns whether there is more to be heard."""
        heard = self._bridge.report(self._now())
        if self._conversation is not None:  # Live is told nothing
            ledger = self._conversation.core.output_audio.playback
            for part, position in heard:
                ledger.played_to(part.item_id, part.content_index, n_bytes=position)
        return not self._bridge.is_silent

    def put(self, notice: object, /) -> None:
        """Take a notice or an event."""
        if not self._bridge.hears(notice):
            return
        self._bridge.notice(notice, received_bytes=self._received_bytes, now=self._now())
        self._changed()

    def end(self, fault: DuologueError, /) -> None:
        """No more notices will come."""
        is_normal = isinstance(fault, ConnectionClosedOK)
        self._bridge.conversation_over("the conversation is over" if is_normal else str(fault))
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

    async def _run(self, carry_out: _CarryOut) -> None:
        over, group = asyncio.Event(), asyncio.TaskGroup()
        works = (self._read, self._write, partial(self._tell, carry_out))
        try:
            async with group:
                tasks = [group.create_task(self._until_over(over, work)) for work in works]
                await over.wait()
                for task in tasks:
                    task.cancel()
        except BaseException as end:
            drop_frames_of(asyncio.TaskGroup.__module__, end)
            raise
        finally:
            del group  # it refers to this task, whose exception may refer to this frame

    async def _until_over(self, over: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except ConnectionClosed as fault:
            self._bridge.end(CallEnded(reason=fault.reason or "the connection was closed"))
        finally:
            over.set()

    async def _read(self) -> None:
        if isinstance(self._transport, ASGITransport):
            await self._transport.offer(self._take)
        while self._bridge.ended is None:
            await self._read_one()

    def _take(self, message: bytes) -> bool:
        """Take the caller's audio out of the socket and give it to the conversation, without a task in between."""
        event = self._codec.caller_audio(message)
        if event is None:
            return False
        self._bridge.leg(event, now=self._now())
        self._pass_on()
        return True

    def _pass_on(self) -> None:
        """Give the caller's audio to the conversation, or have its task do that where it must be waited for."""
        conversation = self._conversation
        if self._passes_on and conversation is not None and conversation.can_put_audio:
            if audio := self._bridge.take_speech():
                conversation.put_audio(audio)
        else:
            self._changes[1].set()

    async def _read_one(self) -> None:
        try:
            message = await self._transport.receive()
        except ConnectionClosed as fault:
            self._bridge.end(CallEnded(reason=fault.reason or "the carrier has closed the connection"))
            self._changed()
            return
        if len(message) > _MAX_MESSAGE:
            await self._transport.close(1009, "a message of a call is at most 64 kB")
            self._bridge.end(CallEnded(reason="the carrier has sent a message that is too long"))
            self._changed()
            return
        event = self._codec.decode(message)
        if isinstance(event, UnknownLegFrame):
            _logger.debug("a frame that is not understood: %s", printable(event.reason))
        if self._on_event is not None and not isinstance(event, CallerAudio):
            self._on_event(event)
        self._bridge.leg(event, now=self._now())
        if isinstance(event, CallerAudio):
            self._pass_on()
        else:
            self._changed()

    async def _write(self) -> None:
        """Frames for the carrier, until the call is over."""
        bridge, changed = self._bridge, self._changes[0]
        while bridge.ended is None:
            changed.clear()
            frames: list[Frame] = bridge.take_frames(self._now())
            for frame in frames:
                await self._transport.send(frame)
            if not frames:
                await _wait(changed, bridge.next_frames_at)

    async def _tell(self, carry_out: _CarryOut) -> None:
        """What the conversation is to do, until the call is over."""
        bridge, changed = self._bridge, self._changes[1]
        while bridge.ended is None:
            changed.clear()
            bridge.tick(self._now())
            for request in bridge.take_requests():
                with suppress(NotConnected):  # while there is no session, keys are lost as speech is
                    await carry_out(request)
            self._looks = self.report_now()
            look_at = self._now() + _LOOK_S if self._looks else inf
            self._changes[2].set()
            if bridge.ended is None:  # the tick may have ended it
                self._looks_at = min(bridge.next_tick_at, look_at)
                self._passes_on = self._takes_audio_as_it_is
                await _wait(changed, self._looks_at)
                self._passes_on = False

    @property
    def _takes_audio_as_it_is(self) -> bool:
        conversation = self._conversation
        return conversation is not None and conversation.core.checks.input_encoding == self.started.encoding

    async def _carry_out(self, conversation: Conversation, request: BridgeRequest) -> None:
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
        """Wake the tasks that have something to do."""
        bridge, (to_write, to_tell, _) = self._bridge, self._changes
        is_over = bridge.ended is not None
        if is_over:
            self._changes[2].set()
        if is_over or bridge.next_frames_at < inf:
            to_write.set()
        sounds = not self._looks and not bridge.is_silent
        if is_over or sounds or bridge.has_requests or bridge.next_tick_at < self._looks_at:
            to_tell.set()


async def _wait(changed: asyncio.Event, until: float) -> None:
    """Wait for a change, or for a moment, which is one more change: both are looked at again."""
    if until == -inf:
        await asyncio.sleep(0)
        return
    timer = asyncio.get_running_loop().call_at(until, changed.set) if until != inf else None
    try:
        await changed.wait()
    finally:
        if timer is not None:
            timer.cancel()
