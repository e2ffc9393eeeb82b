"""A real Asterisk calls: what it brings, what its caller hears, and what it keeps in its queue."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

import duologue
from duologue import telephony
from duologue.engines.base import FunctionCall
from duologue.inspection import CallView
from duologue.server import RealtimeApp
from duologue.telephony import CallEnded, CallStarted, Digit, LegEvent, PhoneCall, Played
from duologue.testing.engines import scripted_app_engines, scripted_engines
from duologue.testing.served.app_in_memory import AppInMemory
from duologue.transports.asgi import ASGIReceive, ASGISend, ASGITransport, Scope
from tests._uvicorn import under_uvicorn
from tests.telephony.asterisk._running import CALL_ID, PASSWORD, RunningAsterisk, Way, asterisk, free_port, loud_ms
from tests.telephony.serving._process import serving_phone

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

_SPEAK = "Playback(/sounds/question)"
_WAYS: Sequence[Way] = ("json", "plain", "audiosocket")
_CODECS: dict[Way, type[telephony.LegCodec]] = {"json": telephony.Asterisk, "plain": telephony.AsteriskPlain}


_RECORDING_MS = 120
"""What MixMonitor leaves out of a call where other processes take the machine."""


class _Application:
    """Answers calls over every way of Asterisk's with a server of its own."""

    def __init__(self, way: Way, app: RealtimeApp) -> None:
        self.way: Way = way
        self.memory = AppInMemory(app)
        self.events: list[LegEvent] = []
        self.ended: list[CallEnded] = []
        self.ari_port = free_port()
        self.control = telephony.AsteriskControl(
            ari_url=f"http://127.0.0.1:{self.ari_port}/ari", username="duologue", password=PASSWORD
        )
        self.interrupt_at: LegEvent | None = None
        """The application interrupts when this is told."""

    @property
    def view(self) -> CallView:
        (view,) = self.memory.calls
        assert view.errors == []
        return view

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """Answer over a WebSocket."""
        assert (b"authorization", f"Basic {b64encode(f'asterisk:{PASSWORD}'.encode()).decode()}".encode()) in scope[
            "headers"
        ]
        socket = ASGITransport(receive, send)
        await socket.accept("media")
        await self.answer(await telephony.accept(socket, _CODECS[self.way](), control=self.control))

    async def answer(self, call: PhoneCall) -> None:
        """Answer."""
        self.events.append(call.started)
        tools: list[Callable[..., Any]] = [call.hang_up, call.transfer_among({"the sales desk": "sales"})]
        async with (
            asyncio.TaskGroup() as group,
            duologue.converse(open_connection=self.memory.connect, tools=tools) as conversation,
        ):

            def told(event: LegEvent) -> None:
                self.events.append(event)
                if event == self.interrupt_at:
                    group.create_task(conversation.interrupt())

            self.ended.append(await call.join(conversation, on_event=told))


@asynccontextmanager
async def _answered(
    way: Way, responses: Sequence[str | FunctionCall] = ("Hello.",), *, app: RealtimeApp | None = None
) -> AsyncGenerator[tuple[RunningAsterisk, _Application], None]:
    engines = scripted_app_engines(scripted_engines(responses=responses))
    application = _Application(way, app or RealtimeApp(engines=engines))
    async with (
        under_uvicorn(application, lifespan="off") as port,
        telephony.serve_audiosocket(application.answer, port=0, control=application.control) as listener,
        asterisk(websocket_port=port, audiosocket_port=listener.address[1], ari_port=application.ari_port) as running,
    ):
        yield running, application


@pytest.mark.parametrize("way", _WAYS)
async def test_a_caller_who_falls_silent_is_answered_and_keys_arrive(way: Way) -> None:
    async with _answered(way, ["Hello there, caller.", "Twelve."]) as (running, application):
        heard = await running.call(way, _SPEAK, "Wait(4)", "SendDTMF(12#,100,100)", "Wait(4)")
        view = application.view
        assert [event.digit for event in application.events if isinstance(event, Digit)] == ["1", "2", "#"]
        assert [response.text for response in view.responses] == ["Hello there, caller.", "Twelve."]
        said_ms = 60 * len("Hello there, caller.Twelve.")
        assert abs(loud_ms(heard) - said_ms) <= _RECORDING_MS
        assert [each.heard_ms for each in view.heard] == [1_200, 420]
        if way == "audiosocket":
            assert isinstance(application.events[0], CallStarted)
            assert application.events[0].call_id == CALL_ID


async def test_an_emptied_queue_is_silent_within_120_ms_and_the_session_is_told_what_was_heard() -> None:
    async with _answered("json", ["This is an answer that takes three seconds to say."]) as (running, application):
        application.interrupt_at = Played(name="1.5")  # a second of it was played
        heard = await running.call("json", _SPEAK, "Wait(5)")
        assert 1_000 - _RECORDING_MS <= loud_ms(heard) <= 1_120
        (part,) = application.view.heard
        assert part.cut_by == "truncate"
        assert -60 <= part.heard_ms - loud_ms(heard) <= 60 + _RECORDING_MS


async def test_without_a_queue_to_empty_an_interruption_is_as_short() -> None:
    async with _answered("audiosocket", ["This is an answer that takes three seconds to say.", "Yes."]) as (
        running,
        application,
    ):
        heard = await running.call("audiosocket", _SPEAK, "Wait(1.5)", "SendDTMF(#)", "Wait(3)")
        first, second = application.view.heard
        assert first.cut_by == "truncate"
        assert 300 <= first.heard_ms < 2_000
        assert abs(first.heard_ms + second.heard_ms - loud_ms(heard)) <= 250


@pytest.mark.parametrize("way", _WAYS)
async def test_forty_seconds_of_speech_are_heard_to_the_end(way: Way) -> None:
    async with _answered(way, ["forty seconds " * 48]) as (running, application):
        heard = await running.call(way, _SPEAK, "Wait(44)")
        (part,) = application.view.heard
        assert part.heard_ms > 40_000
        assert abs(loud_ms(heard) - part.heard_ms) <= 2 * _RECORDING_MS


@pytest.mark.parametrize("way", _WAYS)
async def test_the_model_hangs_up_when_its_goodbye_was_heard(way: Way) -> None:
    async with _answered(way, [FunctionCall(name="hang_up", arguments="{}"), "Goodbye."]) as (running, application):
        heard = await running.call(way, _SPEAK, "Wait(80)")  # Asterisk ends the caller's wait
        assert [ended.reason for ended in application.ended] == ["hung up"]
        assert abs(loud_ms(heard) - 60 * len("Goodbye.")) <= _RECORDING_MS
        assert len(application.view.tools) == 1


async def test_a_caller_who_hangs_up_ends_the_session() -> None:
    async with _answered("json") as (running, application):
        await running.call("json", _SPEAK, "Wait(0.1)")
        assert len(application.ended) == 1


async def test_silence_on_both_sides_ends_no_call() -> None:
    async with _answered("audiosocket") as (running, application):
        await running.call("audiosocket", "Wait(6)", "SendDTMF(1#)", "Wait(2)")
        assert [response.text for response in application.view.responses] == ["Hello."]


@pytest.mark.parametrize("way", ["json", "audiosocket"])
async def test_the_model_transfers_a_call_when_its_words_were_heard(way: Way) -> None:
    transfer = FunctionCall(name="transfer", arguments='{"to":"the sales desk"}')
    async with _answered(way, [transfer]) as (running, application):
        await running.call(way, _SPEAK, "Wait(10)")
        assert [ended.reason for ended in application.ended] == ["transferred"]
        assert "Executing [sales@transfers:1]" in running.log
        if way == "json":
            assert isinstance(application.events[0], CallStarted)
            assert application.events[0].parameters["caller"] == "+15551230042"


@pytest.mark.parametrize("way", ["json", "audiosocket"])
async def test_the_server_answers_with_the_shipped_engines(way: Way) -> None:
    port = free_port()
    with serving_phone(
        "--phone", "asterisk", "--audiosocket", f"127.0.0.1:{port}",
        DUOLOGUE_ASTERISK_PASSWORD=PASSWORD, DUOLOGUE_AUDIOSOCKET_ID=CALL_ID,
    ) as (_, url):  # fmt: skip
        websocket_port = urlsplit(url).port
        assert websocket_port is not None
        async with asterisk(websocket_port=websocket_port, audiosocket_port=port, ari_port=free_port()) as running:
            heard = await running.call(way, _SPEAK, "Wait(10)")
            assert loud_ms(heard) >= 600  # it says what time it is
