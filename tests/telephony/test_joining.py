"""A carrier in memory, our server with scripted engines, and what joins them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

import duologue
from duologue import telephony
from duologue.audio.formats import PCMU
from duologue.audio.wav import Sound
from duologue.client import Connection, Conversation
from duologue.engines.base import FunctionCall
from duologue.errors import ConnectionClosed, LocalProtocolError
from duologue.events import ErrorEvent, FunctionCallOutputItem, ResponseCreateEvent
from duologue.notices import SessionRestored
from duologue.server import RealtimeApp
from duologue.telephony import CallEnded, Digit, LegEvent, PhoneCall
from duologue.telephony.codecs.leg_events import ClearCommand, HangUpCommand, MarkCommand, PlayCommand
from duologue.testing.engines import scripted_app_engines, scripted_engines
from duologue.testing.served.app_in_memory import AppInMemory
from duologue.testing.sounds import silence, tone
from duologue.transports import Transport
from duologue.transports.asgi import OFFER, ASGITransport
from tests.telephony._carrier import MemoryCarrier, carrier, speech_frames
from tests.telephony._frames import CODECS, started
from tests.telephony.control._network import network

_LONG = "This is an answer that goes on for a while, so that there is something to interrupt."
_SILENCE = [b"\xff" * 160] * 40


class _Call:
    """One joined call."""

    def __init__(
        self, line: MemoryCarrier, phone: PhoneCall, conversation: Conversation, joined: asyncio.Task[CallEnded]
    ) -> None:
        self.line, self.phone, self.conversation, self.joined = line, phone, conversation, joined
        self.errors: list[ErrorEvent] = []
        self.truncated: list[int] = []
        conversation.on("error", self.errors.append)
        conversation.on("conversation.item.truncated", lambda event: self.truncated.append(event.audio_end_ms))

    async def ask(self) -> None:
        """Speak for half a second, and be silent."""
        await self.line.say(*speech_frames(500), *_SILENCE)

    async def ended(self) -> CallEnded:
        async with asyncio.timeout(5):
            return await self.joined


@asynccontextmanager
async def _joined(
    name: str = "twilio",
    *,
    responses: Sequence[str | FunctionCall] = (_LONG, "Short."),
    tools: Callable[[PhoneCall], Sequence[Any]] = lambda call: (),
    killable: list[Transport] | None = None,
    **options: Any,
) -> AsyncGenerator[_Call, None]:
    memory = AppInMemory(RealtimeApp(engines=scripted_app_engines(scripted_engines(responses=responses))))

    @asynccontextmanager
    async def connect(**named: Any) -> AsyncGenerator[Connection, None]:
        async with memory.transport() as transport:
            if killable is not None:
                killable.append(transport)
            async with duologue.connect(transport=transport, **named) as connection:
                yield connection

    async with carrier(name) as (line, socket):
        call = await telephony.accept(
            socket, CODECS[name](), on_event=options.pop("on_event", None), control=options.pop("control", None)
        )
        async with duologue.converse(open_connection=connect, tools=tools(call)) as conversation:
            joined = asyncio.ensure_future(call.join(conversation, **options))
            try:
                yield _Call(line, call, conversation, joined)
            finally:
                joined.cancel()
                await asyncio.wait([joined])


@pytest.mark.parametrize("name", ["twilio", "telnyx", "plivo", "asterisk", "asterisk-plain", "audiosocket"])
async def test_a_caller_is_answered(name: str) -> None:
    async with _joined(name, responses=["Hi."]) as call:
        if name == "audiosocket":
            await call.line.tell(
                *(telephony.CallerAudio(audio=PCMU.to_pcm16(frame)) for frame in (*speech_frames(500), *_SILENCE))
            )
        else:
            await call.ask()
        await call.line.until(PlayCommand)
        assert call.conversation.core.output_audio.encoding == PCMU
        assert call.conversation.core.checks.input_encoding == PCMU
        assert not call.errors


async def test_linear_audio_at_16_khz_is_converted_both_ways() -> None:
    async with _joined("vonage", responses=["Hi."]) as call:
        audio = tone(500, rate_hz=16_000) + silence(800, rate_hz=16_000)
        await call.line.tell(*(telephony.CallerAudio(audio=audio[at : at + 640]) for at in range(0, len(audio), 640)))
        (play,) = await call.line.until(PlayCommand)
        assert isinstance(play, PlayCommand)
        assert not len(play.audio) % 640
        assert call.conversation.core.output_audio.encoding.rate_hz == 24_000


async def test_an_interruption_after_response_done_clears_and_truncates() -> None:
    async with _joined() as call, call.conversation.stream("response.done", "conversation.item.truncated") as told:
        await call.ask()
        assert (await told.receive()).type == "response.done"
        await call.line.until(MarkCommand, 3)
        await call.line.tell(*(telephony.Played(name=f"1.{number}") for number in (1, 2)))
        await call.ask()
        truncated = await told.receive()
        assert truncated.type == "conversation.item.truncated"
        assert 400 <= truncated.audio_end_ms <= 600  # two marks, and at most to the next
        await call.line.until(ClearCommand)
        await call.line.echo_marks()  # as Twilio returns them after a clear: they mean nothing
        assert (await told.receive()).type == "response.done"
        marks = [each.name for each in await call.line.until(MarkCommand, 3) if isinstance(each, MarkCommand)]
        assert marks[0] == "1.1"
        assert not call.errors


async def test_an_interruption_before_the_first_mark_and_a_second_one_at_once_are_no_errors() -> None:
    async with _joined() as call:
        await call.ask()
        await call.line.until(PlayCommand)
        await call.conversation.interrupt()
        await call.conversation.interrupt()
        await call.line.until(ClearCommand)
        await call.ask()
        await call.line.until(PlayCommand, 4)
        assert not call.errors


async def test_an_interruption_while_a_function_runs_is_no_error() -> None:
    began, stopped = asyncio.Event(), asyncio.Event()

    async def look_up() -> str:
        """Look something up."""
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return "never"

    responses: list[str | FunctionCall] = [FunctionCall(name="look_up", arguments="{}"), "Short."]
    async with _joined(responses=responses, tools=lambda call: [look_up]) as call:
        await call.ask()
        async with asyncio.timeout(5):
            await began.wait()
        await call.ask()
        async with asyncio.timeout(5):
            await stopped.wait()
        await call.line.until(PlayCommand)
        assert not call.errors


async def test_the_model_hangs_up_when_its_goodbye_was_heard() -> None:
    responses: list[str | FunctionCall] = [FunctionCall(name="hang_up", arguments="{}"), "Bye."]
    async with _joined(responses=responses, tools=lambda call: [call.hang_up]) as call:
        await call.ask()
        await call.line.until(MarkCommand)
        assert not call.joined.done()
        await call.line.until(MarkCommand, 2)
        await call.line.echo_marks()
        assert (await call.ended()).reason == "hung up"
        assert await call.line.until_closed() == (1000, "")


async def test_a_network_that_was_given_a_control_is_told_to_hang_up() -> None:
    responses: list[str | FunctionCall] = [FunctionCall(name="hang_up", arguments="{}"), "Bye."]
    async with (
        network((200, b"{}")) as net,
        _joined(responses=responses, tools=lambda call: [call.hang_up], control=net.control) as call,
    ):
        await call.ask()
        await call.line.until(MarkCommand, 2)
        await call.line.echo_marks()
        assert (await call.ended()).reason == "hung up"
        (request,) = net.requests
        assert request.endswith(b"Status=completed")


async def test_a_call_that_may_go_on_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with network((500, b"")) as net, _joined(control=net.control) as call:
        call.phone.finish()
        await call.ended()
    assert "may go on" in caplog.text


def _transferring(call: PhoneCall) -> Sequence[Any]:
    return [call.transfer_among({"sales": "+15551230042"})]


_TRANSFER = FunctionCall(name="transfer", arguments='{"to":"sales"}')


async def test_the_model_transfers_a_call_when_what_it_said_was_heard() -> None:
    async with (
        network((200, b"{}")) as net,
        _joined(responses=["One moment.", _TRANSFER], tools=_transferring, control=net.control) as call,
    ):
        await call.ask()
        await call.line.until(MarkCommand, 4)
        await call.conversation.send(ResponseCreateEvent())
        async with call.conversation.stream("response.done") as told:
            await told.receive()
        assert not net.requests  # the caller still hears the first words
        await call.line.echo_marks()
        assert (await call.ended()).reason == "transferred"
        (request,) = net.requests
        assert b"%2B15551230042" in request


async def test_a_network_that_closes_the_socket_before_it_answers_has_transferred(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = asyncio.Event()

    def told(event: LegEvent) -> None:
        if isinstance(event, CallEnded):
            gone.set()

    async with (
        network((200, b"{}")) as net,
        _joined(responses=[_TRANSFER], tools=_transferring, control=net.control, on_event=told) as call,
    ):

        async def stop() -> None:
            await call.line.tell(CallEnded())
            await asyncio.wait_for(gone.wait(), 5)

        monkeypatch.setattr(net, "before_answer", stop)
        await call.ask()
        assert (await call.ended()).reason == "transferred"


async def test_a_transfer_that_fails_is_told_to_the_model_and_the_call_goes_on() -> None:
    async with (
        network((400, b'{"message":"no such number"}')) as net,
        _joined(responses=[_TRANSFER, "Sorry."], tools=_transferring, control=net.control) as call,
    ):
        await call.ask()
        await call.line.until(PlayCommand)
        (output,) = [each.item for each in call.conversation.items if isinstance(each.item, FunctionCallOutputItem)]
        assert "no such number" in str(output.output)
        assert not call.joined.done()


async def test_a_call_without_a_control_cannot_be_transferred() -> None:
    async with _joined() as call:
        with pytest.raises(LocalProtocolError, match="TwilioControl"):
            await call.phone.transfer("+15551230042")
        with pytest.raises(LocalProtocolError, match="TwilioControl"):
            call.phone.transfer_among({"sales": "+15551230042"})


async def test_a_target_that_the_network_does_not_connect_with_is_refused_before_the_model_knows_it() -> None:
    async with network() as net, _joined(control=net.control) as call:
        with pytest.raises(ValueError, match="to a number"):
            call.phone.transfer_among({"sales": "the sales desk"})


async def test_asterisk_is_told_to_hang_up() -> None:
    async with _joined("asterisk") as call:
        await call.line.tell(Digit(digit="1"))
        await call.conversation.close()
        assert (await call.ended()).reason == "the conversation is over"
        await call.line.until(HangUpCommand)


async def test_keys_are_a_message_of_the_user_and_are_answered() -> None:
    seen: list[LegEvent] = []
    async with _joined(on_event=seen.append) as call:
        await call.line.tell(*(Digit(digit=digit) for digit in "12#"))
        await call.line.until(PlayCommand)
        assert "[keys] 12#" in str(call.conversation.transcript())
        assert [type(event).__name__ for event in seen] == ["LegStatus", "CallStarted", "Digit", "Digit", "Digit"]


async def test_a_killed_session_is_restored_and_the_caller_is_answered_again_with_the_history() -> None:
    sessions: list[Transport] = []
    async with _joined(responses=["First.", "Second."], killable=sessions) as call:
        async with call.conversation.stream("response.done", SessionRestored) as told:
            await call.ask()
            await told.receive()
            await sessions[0].close(1011, "killed")
            assert isinstance(await asyncio.wait_for(told.receive(), 5), SessionRestored)
            await call.ask()
            await asyncio.wait_for(told.receive(), 5)
        assert "First." in str(call.conversation.transcript())
        assert "Second." in str(call.conversation.transcript())
        assert not call.errors


async def test_a_session_that_is_killed_twice_in_a_row_ends_the_call_and_the_log_has_the_code(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sessions: list[Transport] = []
    caplog.set_level("INFO", "duologue.telephony")
    async with _joined(responses=["First."], killable=sessions) as call:
        async with call.conversation.stream(SessionRestored) as told:
            await call.ask()
            await call.line.until(PlayCommand)
            await sessions[0].close(1011, "killed")
            await asyncio.wait_for(told.receive(), 5)
        await sessions[1].close(1011, "killed again")
        assert "1011" in (await call.ended()).reason
        await call.line.until_closed()
    assert "lost twice within 10 s" in caplog.text
    assert "1011" in caplog.text


async def test_an_answer_that_was_lost_is_asked_for_again() -> None:
    sessions: list[Transport] = []

    async def look_up() -> str:
        """Look something up, while the session dies."""
        await sessions[0].close(1011, "killed")
        await asyncio.Event().wait()
        return "never"

    responses: list[str | FunctionCall] = [FunctionCall(name="look_up", arguments="{}"), "Second."]
    async with _joined(responses=responses, tools=lambda call: [look_up], killable=sessions) as call:
        await call.ask()
        await call.line.until(PlayCommand)
        assert len(sessions) == 2
        assert not call.errors


@pytest.mark.parametrize("end", ["stop", "close"])
async def test_the_end_of_the_call_ends_the_join(end: str) -> None:
    async with _joined() as call:
        if end == "stop":
            await call.line.tell(CallEnded())
        else:
            await call.line.transport.close(1001, "gone")
        ended = await call.ended()
        assert ended.reason == ("" if end == "stop" else "gone")
        assert call.conversation.core.players == []


async def test_a_message_above_64_kb_ends_the_call() -> None:
    async with _joined() as call:
        await call.line.transport.send("x" * 65_537)
        assert "too long" in (await call.ended()).reason
        assert (await call.line.until_closed())[0] == 1009


async def test_frames_that_are_none_change_nothing() -> None:
    async with _joined(responses=["Hi."]) as call:
        for frame in ("", "{}", "[" * 999, b"\0", '{"event":"mark","mark":{"name":"1.1"}}', '{"event":"media"}'):
            await call.line.transport.send(frame)
        await call.ask()
        await call.line.until(PlayCommand)


async def test_what_never_starts_a_call_is_closed_after_five_seconds(idle_clock: Any) -> None:
    async with carrier(starts=False) as (line, socket):
        with pytest.raises(ConnectionClosed, match="within 5 s"):
            await telephony.accept(socket, telephony.Twilio())
        await line.until_closed()


async def test_who_calls_is_known_before_there_is_a_session() -> None:
    async with carrier("telnyx") as (_, socket):
        call = await telephony.accept(socket, telephony.Telnyx())
        assert call.started.caller == "+15551230042"
        assert "+15551230042" not in repr(call)
        await call.close()


async def test_a_cancelled_join_closes_the_carriers_connection() -> None:
    async with _joined() as call:
        await call.ask()
        await call.line.until(PlayCommand)
        call.joined.cancel()
        await asyncio.wait([call.joined], timeout=5)
        assert call.joined.cancelled()
        await call.line.until_closed()


async def test_join_accepts_and_joins() -> None:
    app = RealtimeApp(engines=scripted_app_engines())
    async with carrier() as (line, socket), duologue.converse(open_connection=AppInMemory(app).connect) as conversation:
        await line.tell(CallEnded())
        work: Awaitable[CallEnded] = telephony.join(socket, telephony.Twilio(), conversation)
        ended = await asyncio.wait_for(work, 5)
        assert ended.details["event"] == "stop"


class _OfferingSocket:
    """A socket of a server that offers short texts to the application before it queues them."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.offered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.transport = ASGITransport(self.messages.get, self._send)

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == OFFER:
            self.offered.set_result(message["take"])

    def comes(self, codec: telephony.LegCodec, event: LegEvent) -> None:
        self.messages.put_nowait({"type": "websocket.receive", "text": codec.write(event)})


def _text(codec: telephony.LegCodec, event: LegEvent) -> bytes:
    return str(codec.write(event)).encode()


async def test_the_caller_s_audio_goes_from_the_socket_to_the_session_without_a_task_in_between() -> None:
    memory = AppInMemory(RealtimeApp(engines=scripted_app_engines()))
    codec, socket = started("twilio"), _OfferingSocket()
    async with asyncio.timeout(5), duologue.converse(open_connection=memory.connect) as conversation:
        await socket.transport.admit("the carrier")
        socket.comes(codec, telephony.CallStarted(call_id="CA1", stream_id="MZ1", encoding=PCMU))
        joined = asyncio.ensure_future(telephony.join(socket.transport, telephony.Twilio(), conversation))
        take = await socket.offered
        async with conversation.stream("input_audio_buffer.speech_started") as told:
            for number, frame in enumerate(speech_frames(500)):
                assert take(_text(codec, telephony.CallerAudio(audio=frame, at_ms=20 * number)))
            await told.receive()
        assert not take(_text(codec, Digit(digit="1")))  # for the reader
        assert not take(b"{}")
        assert conversation.core.checks.input_encoding == PCMU
        socket.messages.put_nowait({"type": "websocket.disconnect", "code": 1000})
        assert (await joined).reason


async def test_a_tone_is_heard_before_the_answer() -> None:
    async with _joined(responses=["Hi."]) as call:
        call.phone.play(Sound(tone(100, rate_hz=8_000), 8_000))
        (play,) = await call.line.until(PlayCommand)
        assert isinstance(play, PlayCommand)
        assert play.audio == PCMU.from_pcm16(tone(100, rate_hz=8_000))
