"""The commands of a Live session: what is sent, what answers it, and what callers get."""

from __future__ import annotations

import asyncio
import base64

import pytest

from duologue.errors import LocalProtocolError, RequestRejected
from duologue.events.live import (
    LiveCommentaryAppendedEvent,
    LiveInputAudioMuteEvent,
    LiveOutputAudioFixturePlayEvent,
    LiveSessionPausedEvent,
)
from duologue.testing import Expect, ScriptedServer, Send, Until
from tests.client.live._talking import RESPONSES, answers, error, serving, started, talking


def answered(command: str, **fields: object) -> tuple[Expect, Send]:
    """The client sends a command, and the server answers."""
    return Expect(command), Send(answers(command, f"{command}ed".replace("muteed", "muted"), **fields))


async def test_appends_are_sent_with_their_delegation_and_answered() -> None:
    place = {"start_ms": 100, "end_ms": 200}
    server = serving(
        *answered("session.instructions.append", **place),
        *answered("session.thinking.append", **place),
        *answered("session.commentary.append", **place),
    )
    async with talking(server) as live:
        await live.answered(await live.append_instructions("Never swear."), timeout=5)
        await live.answered(await live.append_thinking("He is angry.", delegation_id="item_1"), timeout=5)
        answer = await live.answered(await live.append_commentary("It comes on Tuesday."), timeout=5)
        assert isinstance(answer, LiveCommentaryAppendedEvent)
        assert answer.end_ms == 200
    sent = [(event.get("delegation_id"), event.get("content")) for event in server.received[0][1:4]]
    assert sent == [(None, "Never swear."), ("item_1", "He is angry."), (None, "It comes on Tuesday.")]


async def test_a_refused_command_raises_where_its_answer_is_waited_for_and_is_logged_elsewhere(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refused = Send(
        lambda last: {
            **error(message="Too long: 'the secret'."),
            "client_event_id": last["session.commentary.append"]["event_id"],
        }
    )
    append = Expect("session.commentary.append")
    seen = asyncio.Event()
    server = serving(append, refused, append, refused)
    async with talking(server) as live:
        with pytest.raises(
            RequestRejected, match=r"refused this session\.commentary\.append: \(invalid_value\) Too long"
        ):
            await live.answered(await live.append_commentary("x"), timeout=5)
        assert "reports an error" not in caplog.text
        live.on("error", lambda event: seen.set())
        await live.append_commentary("the secret")
        async with asyncio.timeout(5):
            await seen.wait()
    assert "the server reports an error in answer to session.commentary.append: Too long" in caplog.text
    assert "the secret" not in caplog.text


async def test_a_long_append_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    async with talking(serving(Expect("session.thinking.append"), Expect("session.thinking.append"))) as live:
        await live.append_thinking("x" * 2001)
        await live.append_thinking("x" * 2001)
    assert caplog.text.count("500 tokens") == 1


async def test_what_is_appended_is_text() -> None:
    async with talking(serving()) as live:
        with pytest.raises(TypeError, match="a str, not int"):
            await live.append_commentary(3)  # type: ignore[arg-type]


async def test_mute_waits_until_the_model_hears_silence() -> None:
    server = serving(*answered("session.input_audio.mute"), *answered("session.input_audio.unmute"))
    async with talking(server) as live:
        await live.mute(timeout=5)
        assert live.core.is_muted
        await live.unmute(timeout=5)
        assert not live.core.is_muted


async def test_an_update_waits_for_its_answer_and_raises_when_it_is_refused() -> None:
    settings = {"id": "live_1", "model": "scripted", "triggers": []}
    refusal = Send(error(code="immutable_field_update", param="session.delegation.type", message="Fixed."))
    server = serving(
        Expect("session.update"),
        Send(answers("session.update", "session.updated", session=settings)),
        Expect("session.update"),
        refusal,
    )
    async with talking(server) as live:
        await live.update_session({"triggers": []}, timeout=5)
        assert live.session is not None
        assert live.session.triggers == []
        with pytest.raises(RequestRejected, match="immutable_field_update"):
            await live.update_session({"delegation": {"type": "client"}}, timeout=5)


async def test_a_clip_is_played_to_its_end_before_anything_else_is_said() -> None:
    fixture = "session.output_audio.fixture"
    playing = asyncio.Event()
    server = serving(
        Expect(f"{fixture}.play"),
        Send(answers(f"{fixture}.play", f"{fixture}.playing")),
        Until(playing),
        Send({"type": f"{fixture}.played"}),
        Expect("session.instructions.append"),
    )
    async with talking(server) as live:
        clip = asyncio.create_task(live.play_fixture(bytes(4800), timeout=5))
        await server.wait_for(f"{fixture}.play")
        with pytest.raises(LocalProtocolError, match="while a clip is being played"):
            await live.append_instructions("x")
        playing.set()
        assert await clip
        await live.append_instructions("You said hello.")
    assert base64.b64decode(server.received[0][1]["audio"]) == bytes(4800)


async def test_a_clip_that_is_too_long_is_refused_here() -> None:
    async with talking(serving()) as live:
        with pytest.raises(LocalProtocolError, match="lasts 30 s at most"):
            await live.play_fixture(bytes(48_000 * 31))


async def test_typed_words_ask_the_responses_model() -> None:
    delegation = RESPONSES["delegation"]
    server = serving(
        Expect("response.item.create"),
        Expect("response.item.create"),
        Expect("response.create"),
        start=started(delegation=delegation),
    )
    async with talking(server, session=RESPONSES) as live:
        await live.create_response("And tomorrow?", items=[{"type": "message", "role": "developer", "content": []}])
    items = [event["item"] for event in server.received[0] if event["type"] == "response.item.create"]
    assert [item["role"] for item in items] == ["developer", "user"]
    assert items[1]["content"] == [{"type": "input_text", "text": "And tomorrow?"}]


async def test_no_response_is_asked_for_where_no_responses_model_is() -> None:
    async with talking(serving()) as live:
        with pytest.raises(LocalProtocolError, match="delegates to no Responses model"):
            await live.create_response("Hello?")


async def test_any_command_is_sent_and_one_of_an_unknown_type_as_it_is() -> None:
    server = serving(Expect("session.input_audio.mute"), Expect("session.kugel.wave"))
    async with talking(server) as live:
        command_id = await live.send(LiveInputAudioMuteEvent())
        assert live.core.awaits_answer(command_id)
        await live.send({"type": "session.kugel.wave", "hand": "left"})
        with pytest.raises(LocalProtocolError, match="only servers send it"):
            await live.send(LiveSessionPausedEvent())
        with pytest.raises(LocalProtocolError, match="play_fixture"):
            await live.send(LiveOutputAudioFixturePlayEvent(audio=""))
    assert server.received[0][2]["hand"] == "left"


async def test_no_answer_is_waited_for_that_cannot_come() -> None:
    async with talking(serving()) as live:
        with pytest.raises(LocalProtocolError, match="no answer comes to event_9"):
            await live.answered("event_9")


async def test_a_wait_for_an_answer_can_be_bounded_and_cancelled() -> None:
    server = serving(Expect("session.commentary.append"))
    async with talking(server) as live:
        command_id = await live.append_commentary("x")
        with pytest.raises(TimeoutError):
            await live.answered(command_id, timeout=0)
        assert live.core.awaits_answer(command_id)


async def test_words_in_place_of_audio_are_refused_with_what_live_has_for_them() -> None:
    async with talking(serving()) as live:
        with pytest.raises(TypeError, match="takes audio, not str: words are sent with append_instructions"):
            await live.send_audio("Hello.")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        with pytest.raises(TypeError, match="play_fixture takes audio, not str"):
            await live.play_fixture("clip.wav")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def test_options_of_another_kind_are_refused_before_anything_is_opened() -> None:
    with pytest.raises(TypeError, match="options= is a LiveOptions, not dict"):
        async with talking(ScriptedServer(), options={"fill_silence": True}):
            raise AssertionError("it does not begin")
