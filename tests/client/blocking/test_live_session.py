"""A Live session of a program without an event loop."""

from __future__ import annotations

import base64
import threading
from pathlib import Path

import pytest

from duologue import Delegation, SessionLost, blocking
from duologue.audio.wav import Sound, read_wav
from duologue.client.tool_context import ToolContext
from duologue.errors import LocalProtocolError, RequestRejected
from duologue.notices import InputAudioCopy, SessionEnded
from duologue.sound import WavSink, WavSource
from duologue.testing import LIVE_CLOSED, LIVE_STARTED, Close, Drop, Expect, ScriptedServer, Send
from tests.client.blocking._live import talking_live, until
from tests.client.live._talking import (
    END,
    RESPONSES,
    START,
    answers,
    call,
    delegates,
    error,
    says,
    serving,
    sound,
    started,
)

PLACE = {"start_ms": 100, "end_ms": 200}
CUE = Expect("session.thinking.append")


def test_verbs_send_and_those_that_wait_return_what_the_server_says() -> None:
    server = serving(
        *(Expect("session.input_audio.mute"), Send(answers("session.input_audio.mute", "session.input_audio.muted"))),
        *(Expect("session.input_audio.unmute"), Send({"type": "session.input_audio.unmuted"})),
        *(Expect("session.update"), Send({"type": "session.updated", "session": {"id": "live_1"}})),
        *(Expect("session.instructions.append"), CUE, Expect("session.commentary.append")),
        Send(answers("session.commentary.append", "session.commentary.appended", **PLACE)),
    )
    with talking_live(server) as live:
        assert repr(live) == "<BlockingLive, running, session 'live_1'>"
        live.mute(timeout=5)
        assert live.core.is_muted
        live.unmute(timeout=5)
        live.update_session({"triggers": []}, timeout=5)
        live.append_instructions("Never swear.")
        live.append_thinking("He is angry.")
        answer = live.answered(live.append_commentary("On Tuesday."), timeout=5)
        assert answer.type == "session.commentary.appended"
        with pytest.raises(TypeError, match="send_audio takes audio, not str"):
            live.send_audio("words")  # type: ignore[arg-type]
        live.send_audio(bytes(4800))
        live.end_input_stream()
        ended = live.close()
        assert ended.finalised
        assert live.close() is ended
    assert live.outcome == ended
    assert live.usage is not None


def test_a_refusal_is_raised_at_the_start_and_where_it_is_waited_for() -> None:
    refusing = ScriptedServer([Expect("session.start"), Send(error(message="Not here.")), Close()])
    with pytest.raises(RequestRejected, match="Not here"), talking_live(refusing):
        raise AssertionError("it does not begin")
    with talking_live(serving(Expect("session.input_audio.mute"), Send(error(message="Not now.")))) as live:
        with pytest.raises(RequestRejected, match="Not now"):
            live.mute(timeout=5)
        with pytest.raises(LocalProtocolError, match="no answer comes"):
            live.answered("event_9")
        with pytest.raises(LocalProtocolError, match="delegates to no Responses model"):
            live.create_response("Hello?")


def test_iterating_ends_with_the_session_or_raises_that_it_is_lost() -> None:
    closed = ScriptedServer([*START, CUE, Send(says("user", "Hi.", 0, 200), LIVE_CLOSED), Close()])
    with talking_live(closed) as live:
        notices = iter(live)
        live.on(object, lambda notice: None)
        reading = threading.Thread(target=lambda: found.extend(notices))
        found: list[object] = []
        reading.start()
        until(lambda: len(live._conversation._sinks) == 2)
        live.append_thinking("Begin.")
        reading.join(5)
        assert isinstance(found[-1], SessionEnded)
        assert str(live.transcript()) == "user: Hi."
    with talking_live(ScriptedServer([*START, Drop()])) as live:
        with pytest.raises(SessionLost):
            list(live)
        with pytest.raises(SessionLost):
            live.append_thinking("x")


def test_functions_run_and_get_their_session() -> None:
    def which(context: ToolContext[blocking.BlockingLive]) -> str:
        session = context.conversation.session
        assert session is not None
        return session.id

    server = serving(
        Send(call("c1", "which")),
        *(Expect("response.item.create"), Expect("response.create"), Send(says("assistant", "Yes.", 0, 200))),
        *(Expect("response.item.create"), Expect("response.create")),
        start=started(delegation=RESPONSES["delegation"]),
    )
    with talking_live(server, session=RESPONSES, tools=[which]) as live:
        until(live.transcript)
        live.create_response("And now?", timeout=5)
    outputs = [event["item"] for event in server.received[0] if event["type"] == "response.item.create"]
    assert outputs[0]["output"] == "live_1"


def test_a_sync_function_that_takes_work_may_block_in_its_session() -> None:
    def work(delegation: blocking.BlockingDelegation) -> str:
        assert repr(delegation) == "BlockingDelegation('item_1')"
        assert delegation.offset_ms == 1200
        delegation.think("Looking it up.", timeout=5)
        delegation.say("One moment.", timeout=5)
        return f"You asked: {delegation.transcript()[-1].text}"

    server = ScriptedServer(
        [
            *START,
            CUE,
            Send(says("user", "Where is it?", 0, 800), delegates("item_1")),
            *(CUE, Expect("session.commentary.append"), Expect("session.commentary.append")),
            *(Send(LIVE_CLOSED), Close()),
        ]
    )
    with talking_live(server, on_delegation=work) as live, live.stream(SessionEnded, timeout=5) as ended:
        live.append_thinking("Begin.")
        assert next(ended).finalised
    said = [event["content"] for event in server.received[0] if event["type"] == "session.commentary.append"]
    assert said == ["One moment.", "You asked: Where is it?"]


def test_a_coroutine_function_that_takes_work_gets_the_session_of_its_loop() -> None:
    done = threading.Event()

    async def work(delegation: Delegation) -> None:
        await delegation.say("Done.")
        done.set()

    with talking_live(serving(Send(delegates("item_1")), Expect("session.commentary.append")), on_delegation=work):
        assert done.wait(5)


def test_sound_goes_in_from_a_file_and_out_to_one(tmp_path: Path) -> None:
    voice = b"\x01\x02" * 2400
    server = ScriptedServer(
        [*START, CUE, Send(sound(base64.b64encode(voice).decode()), LIVE_CLOSED), Close()],
    )
    path = tmp_path / "call.wav"
    source = WavSource(Sound(rate_hz=24_000, pcm16=bytes(4800)), silence_ms=0, paced=False)
    with talking_live(server) as live, live.play(WavSink(path, paced=False)) as playback:
        live.listen(source).wait(timeout=5)
        live.append_thinking("Begin.")
        playback.wait(timeout=5)
        assert playback.is_silent
    assert read_wav(path).pcm16 == voice
    appended = [event for event in server.received[0] if event["type"] == "session.input_audio.append"]
    assert sum(len(base64.b64decode(event["audio"])) for event in appended) == 4800


def test_a_clip_is_played_to_its_end() -> None:
    fixture = "session.output_audio.fixture"
    server = serving(
        Expect(f"{fixture}.play"), Send({"type": f"{fixture}.playing"}), Send({"type": f"{fixture}.played"})
    )
    with talking_live(server) as live:
        assert live.play_fixture(bytes(4800), timeout=5)


def test_a_sideband_and_a_fork_have_threads_of_their_own() -> None:
    audio = base64.b64encode(bytes(960)).decode()
    server = ScriptedServer(
        [*started(store=True), *END],
        [Send(LIVE_STARTED), CUE, Send({"type": "session.input_audio.append", "audio": audio})],
        [*started(id="live_2"), *END],
        [Send(LIVE_STARTED), *END],
    )
    with talking_live(server) as live:
        with live.sideband(graceful_close=True) as sideband, sideband.stream(InputAudioCopy, timeout=5) as copies:
            sideband.append_thinking("Begin.")
            assert next(copies).audio == bytes(960)
        with live.fork() as fork:
            assert fork.session is not None
            assert fork.session.id == "live_2"
        with live.sideband() as sideband:
            assert sideband.end_session(timeout=5).finalised


def test_answers_of_the_application_are_sent() -> None:
    server = serving(
        *(CUE, Send(call("c1", "look"))),
        *(Expect("response.item.create"), Expect("response.create")),
        start=started(delegation=RESPONSES["delegation"]),
    )
    with talking_live(server, session=RESPONSES) as live:
        with live.stream("response.event", timeout=5) as events:
            live.append_thinking("Begin.")
            next(events)
        live.answer_function("c1", "It is here.", timeout=5)
        assert not live.is_working
    assert server.received[0][2]["item"]["output"] == "It is here."


def test_work_that_is_handed_over_at_once_is_that_of_threads() -> None:
    taken: list[object] = []

    def take(work: blocking.BlockingDelegation) -> str:
        taken.append(work)
        return "Done."

    server = serving(Send(delegates("item_1")), Expect("session.commentary.append"))
    with talking_live(server, on_delegation=take):
        until(lambda: any(event["type"] == "session.commentary.append" for event in server.received[0]))
    assert [type(work) for work in taken] == [blocking.BlockingDelegation]


def test_a_function_that_is_called_at_once_gets_the_session_of_threads() -> None:
    taken: list[object] = []

    def order(context: ToolContext[blocking.BlockingLive]) -> str:
        taken.append(context.conversation)
        return "ordered"

    server = serving(Send(call("call_1", "order")), Expect("response.item.create"), Expect("response.create"))
    with talking_live(server, tools=[order], session=RESPONSES) as live:
        until(lambda: any(event["type"] == "response.create" for event in server.received[0]))
    assert taken == [live]
