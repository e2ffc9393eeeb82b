"""A Live session over its primary connection, and its sidebands and forks."""

from __future__ import annotations

import array
import asyncio
import base64
import json

import pytest

import duologue
from duologue import LiveOptions, SessionLost
from duologue.audio.formats import PCM
from duologue.audio.wav import Sound
from duologue.client.live import LiveSideband
from duologue.errors import ConnectionClosed, ConnectionClosedOK, LocalProtocolError
from duologue.events.live import LiveSessionConfig
from duologue.notices import (
    InputAudioCopy,
    LiveAudioPiece,
    SessionEnded,
    SessionStarted,
    TranscriptDelta,
    UtteranceEnded,
)
from duologue.sound import WavSource
from duologue.testing import LIVE_STARTED, Close, Drop, Expect, ScriptedServer, Send
from tests.client._waiting import no_task_left
from tests.client.live._talking import END, START, error, heard, read_to_the_end, says, serving, sound, started, talking
from tests.client.sound._virtual_time import in_virtual_time


def sent_audio(server: ScriptedServer, connection: int = 0) -> bytes:
    """All input audio that a client has sent."""
    events = server.received[connection]
    return b"".join(
        base64.b64decode(event["audio"]) for event in events if event["type"] == "session.input_audio.append"
    )


# --- start and end


async def test_a_session_starts_with_its_configuration_and_ends_finalised() -> None:
    server = serving()
    async with talking(server, session={"instructions": "Be brief."}) as live:
        assert live.session is not None
        assert live.session.id == "live_1"
    assert server.received[0][0]["session"] == {"model": "scripted", "instructions": "Be brief."}
    assert live.outcome is not None
    assert (live.outcome.finalised, live.outcome.reason) == (True, "close_requested")
    assert live.usage is not None
    assert live.usage.seconds == 1


async def test_close_returns_how_the_session_ended() -> None:
    async with talking(serving()) as live:
        ended = await live.close()
        assert ended is live.outcome
        assert await live.close() is ended


async def test_an_exception_closes_the_connection_at_once() -> None:
    server = ScriptedServer([*START])
    with pytest.raises(ZeroDivisionError):
        async with talking(server):
            raise ZeroDivisionError
    assert await server.closed() == 1000
    assert server.types() == ["session.start"]


async def test_a_server_that_closes_without_a_word_leaves_the_session_not_finalised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with talking(ScriptedServer([*START, Expect("session.close"), Close()])) as live:
        pass
    assert live.outcome is not None
    assert not live.outcome.finalised
    assert "the Live session was not finalised" in caplog.text


async def test_the_server_may_end_the_session_by_itself() -> None:
    server = ScriptedServer([*START, Send({"type": "session.closed", "reason": "expired"}), Close()])
    async with talking(server) as live:
        notices = await read_to_the_end(live)
        assert notices[-1] == live.outcome
        assert live.outcome is not None
        assert (live.outcome.finalised, live.outcome.reason) == (True, "expired")
        with pytest.raises(ConnectionClosedOK, match="expired"):
            await live.send_audio(bytes(960))


@pytest.mark.parametrize("store", [True, False])
async def test_a_lost_connection_is_a_lost_session_and_says_how_to_go_on(store: bool) -> None:
    server = ScriptedServer([*started(store=store), Expect("session.commentary.append"), Drop()])
    way = "fork" if store else "what was said as its `input`"
    async with talking(server) as live:
        await live.append_commentary("Hello.")
        with pytest.raises(SessionLost, match=way) as lost:
            await read_to_the_end(live)
        assert (lost.value.can_fork, lost.value.session_id, lost.value.code) == (store, "live_1", 1006)
        with pytest.raises(SessionLost):
            await live.append_commentary("Are you there?")
        with pytest.raises(SessionLost):
            await live.send_audio(bytes(960))
    assert live.outcome is not None
    assert not live.outcome.finalised


async def test_cancelling_the_block_leaves_no_task() -> None:
    server = ScriptedServer([*START])
    entered = asyncio.Event()

    async def talk() -> None:
        async with duologue.live(model="m", open_connection=server.open_live):
            entered.set()
            await asyncio.Event().wait()

    async with no_task_left():
        task = asyncio.create_task(talk())
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert server.types() == ["session.start"]


async def test_cancelling_the_start_leaves_no_task() -> None:
    server = ScriptedServer([Expect("session.start")])

    async def talk() -> None:
        async with duologue.live(model="m", open_connection=server.open_live):
            raise AssertionError("it never starts")

    async with no_task_left():
        task = asyncio.create_task(talk())
        await server.wait_for("session.start")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


# --- what is heard and said


async def test_iterating_yields_every_notice_from_the_start_to_the_end() -> None:
    piece = base64.b64encode(bytes(4800)).decode()
    server = serving(Send(says("user", "Hi.", 0, 200), sound(piece)))
    async with talking(server) as live:
        kinds = list[type]()
        async with asyncio.timeout(5):
            async for notice in live:
                kinds.append(type(notice))
                if isinstance(notice, TranscriptDelta):
                    break
    assert kinds.count(SessionStarted) == 1
    assert kinds[-2:] == [LiveAudioPiece, TranscriptDelta]  # words wait a moment for those that belong before them


async def test_utterances_are_reported_when_they_are_over_and_kept() -> None:
    server = serving(
        Send(says("user", "Where is", 0, 200), says("user", " it?", 200, 400), says("assistant", "Here.", 2000, 2200))
    )
    async with talking(server) as live:
        async with live.stream(UtteranceEnded) as ended:
            (over,) = await heard(ended)
        assert over.utterance.text == "Where is it?"
        assert str(live.transcript()) == "user: Where is it?\nassistant: Here."
        (message, answer) = live.transcript().as_input()
        assert (message.role, message.content[0].type, message.content[0].text) == (
            "user",
            "input_text",
            "Where is it?",
        )
        assert (answer.role, answer.content[0].type) == ("assistant", "output_text")


async def test_sound_of_any_kind_is_sent_in_the_session_s_format() -> None:
    server = serving(start=started(audio={"format": {"type": "audio/pcmu", "rate": 8000}}))
    async with talking(server) as live:
        await live.send_audio(array.array("h", [0] * 800))
        await live.send_audio(bytes(160), rate_hz=8000, channels=2)
        await live.send_audio(Sound(rate_hz=8000, pcm16=bytes(32_000)))
    assert sent_audio(server) == b"\xff" * (800 + 40 + 16_000)
    appended = [event for event in server.received[0] if event["type"] == "session.input_audio.append"]
    assert max(len(base64.b64decode(event["audio"])) for event in appended) == 8000


async def test_half_a_sample_is_refused_before_anything_is_sent() -> None:
    server = serving()
    async with talking(server) as live:
        with pytest.raises(LocalProtocolError, match="the last sample is cut"):
            await live.send_audio(bytes(100_001))
    assert sent_audio(server) == b""


@in_virtual_time
async def test_a_file_is_sent_in_real_time() -> None:
    server = serving()
    async with talking(server) as live:
        before = asyncio.get_running_loop().time()
        await live.listen(WavSource(Sound(rate_hz=PCM.rate_hz, pcm16=bytes(48_000)), silence_ms=500))
        assert asyncio.get_running_loop().time() - before > 1.4
    assert len(sent_audio(server)) == 72_000


async def test_silence_is_filled_in_on_request_and_a_standstill_is_told(caplog: pytest.LogCaptureFixture) -> None:
    server = serving()
    async with talking(server, options=LiveOptions(fill_silence=True)) as live:
        live.core.tick(live._now() + 1.5)
        live._publish_new(None)
        live._runner.wake()
        await live.drain()
    assert sent_audio(server)[:48_000] == bytes(48_000)
    async with talking(serving()) as live:
        live.core.tick(live._now() + 6)
        live._publish_new(None)
    assert "no input audio comes" in caplog.text


# --- sidebands and forks


async def test_a_sideband_sees_the_session_and_leaves_it_running() -> None:
    audio = base64.b64encode(b"\x01\x02" * 480).decode()
    server = ScriptedServer(
        [
            Send(LIVE_STARTED),
            Send({"type": "session.input_audio.append", "audio": audio}),
            Send(sound(audio, start_ms=400, end_ms=420)),
            Expect("session.thinking.append"),
        ]
    )
    async with (
        no_task_left(),
        duologue.attach_live("", "live_1", graceful_close=True, open_connection=server.open_live) as sideband,
        sideband.stream(InputAudioCopy, LiveAudioPiece) as pieces,
    ):
        copy, piece = await heard(pieces, 2)
        assert (copy.audio, copy.encoding) == (b"\x01\x02" * 480, PCM)
        assert (piece.start_ms, piece.gap_ms) == (400, 400)
        await sideband.append_thinking("The user is angry.")
        assert not hasattr(sideband, "send_audio")
    assert server.types() == ["session.thinking.append"]
    target = server.targets[0]
    assert (target.kind, target.session_id, target.graceful_close) == ("attach", "live_1", True)
    assert server.faults == []


async def test_a_sideband_can_end_the_session() -> None:
    server = ScriptedServer([Send(LIVE_STARTED), *END])
    async with duologue.attach_live("", "live_1", open_connection=server.open_live) as sideband:
        ended = await sideband.end_session()
    assert ended.finalised
    assert server.faults == []


async def _heard_out(sideband: LiveSideband) -> list[object]:
    return [notice async for notice in sideband]


async def test_a_sideband_that_is_lost_does_not_say_that_the_session_is() -> None:
    server = ScriptedServer([Send(LIVE_STARTED), Drop()])
    async with duologue.attach_live("", "live_1", open_connection=server.open_live) as sideband:
        with pytest.raises(ConnectionClosed, match="the session may go on: attach another one") as lost:
            await asyncio.wait_for(_heard_out(sideband), 5)
    assert not isinstance(lost.value, SessionLost)


async def test_a_sideband_of_no_session_is_refused() -> None:
    server = ScriptedServer([Send(error(code="not_found", message="There is no such session.")), Close(1008)])
    with pytest.raises(duologue.RequestRejected, match="There is no such session"):
        async with duologue.attach_live("", "live_9", open_connection=server.open_live):
            raise AssertionError("it does not begin")


async def test_a_lost_stored_session_goes_on_as_a_fork() -> None:
    server = ScriptedServer([*started(store=True), Drop()], [*started(id="live_2"), *END], [Send(LIVE_STARTED)])
    async with talking(server) as live:
        with pytest.raises(SessionLost):
            await read_to_the_end(live)
        async with live.fork({"store": True}) as fork:
            assert fork.session is not None
            assert fork.session.id == "live_2"
        async with live.sideband():
            pass
    assert server.received[1][0]["session"] == {"store": True}
    assert [(target.kind, target.session_id) for target in server.targets] == [
        ("start", ""),
        ("fork", "live_1"),
        ("attach", "live_1"),
    ]


async def test_a_fork_inherits_so_it_names_no_model() -> None:
    server = ScriptedServer([*started(id="live_2"), *END])
    async with duologue.fork_live("", "live_1", open_connection=server.open_live):
        pass
    assert server.received[0][0]["session"] == {}
    with pytest.raises(LocalProtocolError, match="model: a fork inherits it"):
        async with duologue.fork_live(
            "", "live_1", session=LiveSessionConfig(model="gpt-live-1"), open_connection=server.open_live
        ):
            pass


async def test_everything_that_waits_ends_with_the_session() -> None:
    server = ScriptedServer([*START, Expect("session.input_audio.mute"), Drop()])
    async with talking(server) as live:
        with pytest.raises(duologue.RequestRejected, match="the session is over"):
            async with asyncio.timeout(5):
                await live.mute()
        with pytest.raises(ConnectionClosed):
            await live.mute()


def test_its_repr_names_the_session_and_its_state() -> None:
    async def show() -> str:
        async with talking(serving()) as live:
            return repr(live)

    assert asyncio.run(show()) == "<Live, running, session 'live_1'>"


def test_the_outcome_is_a_value_that_a_program_can_keep() -> None:
    assert json.dumps({"finalised": SessionEnded(finalised=True, reason="expired").finalised}) == '{"finalised": true}'
