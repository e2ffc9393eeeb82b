"""Cassettes over a socket: recorded once against a server, and played with the server gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import duologue
import duologue.blocking
from duologue.client import Conversation
from duologue.client.client_secrets import client_secret
from duologue.errors import RecordingError, RequestRejected
from duologue.notices import SessionRestored
from duologue.protocol.client.recovery.reconnect import ReconnectPolicy
from duologue.recording import Side
from duologue.testing import GREETING as SCRIPTED_GREETING
from duologue.testing import Drop, Expect, ScriptedServer, Send
from duologue.testing.cassettes import cassette_server, open_cassette
from tests.compat._talkative import scripted
from tests.server._engines import LOUD, QUIET
from tests.server._listening import listening
from tests.testing.cassettes._tape import GREETING, Tape, append, item, text

Talk = Callable[[str], Awaitable[Any]]


async def recorded(path: Path, talk: Talk) -> Any:
    """Record the talk with our server; returns what it returned."""
    async with listening(scripted()) as server, cassette_server(path, record="once", upstream=server) as url:
        return await talk(url)


async def played(path: Path, talk: Talk, **options: Any) -> Any:
    """The same talk with the cassette."""
    async with cassette_server(path, **options) as url:
        return await talk(url)


async def typed(url: str) -> list[str]:
    async with duologue.converse(url, api_key="open", session={"instructions": "Be brief."}) as conversation:
        return [str(await conversation.ask("hi")), str(await conversation.ask("again"))]


def listener(*messages: str, heard: list[Any] | None = None) -> Talk:
    """A client that sends these, and hears events up to the close, whose code it hears last."""
    heard = heard if heard is not None else []

    async def talk(url: str) -> None:
        async with connect(f"{url}?model=m") as client:
            for message in messages:
                await client.send(message)
            with suppress(ConnectionClosed):
                while True:
                    heard.append(json.loads(await client.recv()))
        heard.append(client.close_code)

    return talk


def spoken(piece_ms: int) -> Talk:
    async def talk(url: str) -> list[str]:
        config: Any = {"audio": {"input": {"transcription": {"model": "whisper-1"}}}}
        async with duologue.converse(url, api_key="open", session=config) as conversation:
            async with conversation.stream("response.done") as responses:
                await _speak(conversation, piece_ms)
                async for _ in responses:
                    break
            return [message.text for message in conversation.transcript()]

    return talk


async def _speak(conversation: Conversation, piece_ms: int) -> None:
    for piece, length_ms in ((LOUD, 400), (QUIET, 800)):
        for _ in range(length_ms // piece_ms):
            await conversation.send_audio(piece * piece_ms)


async def test_a_conversation_is_played_with_the_server_gone(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    first = await recorded(path, typed)
    assert await played(path, typed) == first == ["This is a script."] * 2


async def test_a_cassette_of_short_pieces_is_played_for_long_ones_and_the_reverse(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    first = await recorded(path, spoken(20))
    assert first == ["what is this", "This is a script."]
    for piece_ms in (20, 40, 100):
        assert await played(path, spoken(piece_ms)) == first


async def test_a_client_without_an_event_loop(tmp_path: Path) -> None:
    def ask(url: str) -> str:
        with duologue.blocking.converse(url, api_key="open") as conversation:
            return str(conversation.ask("hi"))

    async def talk(url: str) -> str:
        return await asyncio.to_thread(ask, url)

    path = tmp_path / "call.jsonl"
    assert await recorded(path, talk) == await played(path, talk) == "This is a script."


async def test_sessions_side_by_side(tmp_path: Path) -> None:
    async def talk(url: str) -> list[Any]:
        return list(await asyncio.gather(typed(url), typed(url)))

    path = tmp_path / "call.jsonl"
    assert await recorded(path, talk) == await played(path, talk)


async def test_a_key_for_one_session(tmp_path: Path) -> None:
    async def talk(url: str) -> str:
        secret = await client_secret(url, api_key="open")
        async with duologue.converse(url, api_key=secret.value) as conversation:
            return str(await conversation.ask("hi"))

    path = tmp_path / "call.jsonl"
    assert await recorded(path, talk) == await played(path, talk) == "This is a script."
    content = path.read_text(encoding="utf-8")
    assert not any(each in content for each in ("sk-", "ek_", "Bearer"))


async def test_a_lost_connection_is_lost_again_and_the_client_comes_back(tmp_path: Path) -> None:
    async def talk(url: str) -> bool:
        policy = ReconnectPolicy(first_delay_s=0)
        async with (
            duologue.converse(url, reconnect=policy) as conversation,
            conversation.stream(SessionRestored) as restored,
        ):
            await conversation.send_text("hi")
            async for _ in restored:
                return True
        return False

    path = tmp_path / "call.jsonl"
    said = (Send(SCRIPTED_GREETING), Expect("conversation.item.create"))
    server = ScriptedServer([*said, Drop()], said)
    async with server.listening() as upstream, cassette_server(path, record="once", upstream=upstream) as url:
        assert await talk(url)
    assert await played(path, talk)


async def test_a_recording_of_the_client_or_the_server_is_a_cassette(tmp_path: Path) -> None:
    sides: tuple[Side, ...] = ("client", "server")
    for side in sides:
        tape = Tape(tmp_path / f"{side}.jsonl", side=side, url=None)
        tape.server(GREETING).client("a").server("b").closed(4000, "over", by="server")
        async with cassette_server(tape.done()) as url, connect(url) as client:
            assert json.loads(await client.recv())["type"] == "session.created"
            await client.send(text("a"))
            assert await client.recv() == text("b")
            with pytest.raises(ConnectionClosed, match="4000"):
                await client.recv()


async def test_a_conversation_that_is_recorded_by_itself_is_a_cassette(tmp_path: Path) -> None:
    path = tmp_path / "call.jsonl"
    async with listening(scripted()) as server, duologue.converse(server, api_key="open", record=path) as conversation:
        answer = str(await conversation.ask("hi"))
    async with cassette_server(path) as url, duologue.converse(url) as conversation:
        assert str(await conversation.ask("hi")) == answer


async def test_a_client_that_sends_something_else_is_told_and_so_is_the_test(tmp_path: Path) -> None:
    path = Tape(tmp_path / "call.jsonl").server(GREETING).client(item("item_1", "hi")).done()
    told: list[Any] = []
    with pytest.raises(AssertionError) as failed:
        await played(path, listener(text(item("item_2", "hello")), heard=told))
    assert 'item.content.0.text: "hi" was recorded, and "hello" came' in str(failed.value)
    assert [each["type"] for each in told[:-1]] == ["session.created", "error"]
    assert told[1]["error"]["code"] == "cassette_mismatch"
    assert told[1]["error"]["message"] == str(failed.value)
    assert told[-1] == 4000


async def test_an_exception_of_the_block_is_raised_and_says_what_did_not_fit(tmp_path: Path) -> None:
    async def talk(url: str) -> None:
        async with duologue.converse(url, session={"instructions": "Be kind."}):
            pass

    path = tmp_path / "call.jsonl"
    await recorded(path, typed)
    with pytest.raises(RequestRejected) as failed:
        await played(path, talk)
    assert any('"Be brief." was recorded, and "Be kind." came' in note for note in failed.value.__notes__)


async def test_match_and_ignore_allow_more(tmp_path: Path) -> None:
    path = Tape(tmp_path / "call.jsonl").client({"type": "a", "b": 1}).server("c").done()
    options: tuple[dict[str, Any], ...] = ({"match": "types"}, {"match": "order"}, {"ignore": ["b"]})
    for each in options:
        async with cassette_server(path, **each) as url, connect(f"{url}?model=m") as client:
            await client.send(text({"type": "a", "b": 2}))
            assert await client.recv() == text("c")


async def test_a_client_that_waits_for_ever_is_told_what_the_server_waits_for(tmp_path: Path) -> None:
    path = Tape(tmp_path / "call.jsonl").server(GREETING).client("a").server("b").done()
    with pytest.raises(AssertionError, match=r"has sent nothing for 0.01 s. The server waits for a \(line 3"):
        await played(path, listener(), patience_s=0.01)


async def test_when_all_is_played_a_client_may_stay_silent(tmp_path: Path) -> None:
    path = Tape(tmp_path / "call.jsonl").server(GREETING).done()
    async with cassette_server(path, patience_s=0.001) as url, connect(f"{url}?model=m") as client:
        await client.recv()
        await (await client.ping())


async def test_what_was_sent_right_before_the_end_counts(tmp_path: Path) -> None:
    path = Tape(tmp_path / "call.jsonl").server(GREETING, *["x" * 1000] * 200).client("a").done()
    async with cassette_server(path) as url:
        client = await connect(f"{url}?model=m")
        await client.send(text("a"))
        client.transport.close()
    await client.wait_closed()


async def test_a_connection_that_was_not_recorded_is_refused(tmp_path: Path) -> None:
    async def talk(url: str) -> None:
        with pytest.raises(InvalidStatus, match="404"):
            await connect(url.replace("realtime", "other"))

    path = Tape(tmp_path / "call.jsonl").server(GREETING).done()
    with pytest.raises(AssertionError, match="the client opens /v1/other"):
        await played(path, talk)


async def test_a_client_that_leaves_early_fails_the_test(tmp_path: Path) -> None:
    path = Tape(tmp_path / "call.jsonl").server(GREETING).client(append(20), "a").done()
    with pytest.raises(AssertionError, match="It sent 0 of 1 recorded events; these did not come: a"):
        async with cassette_server(path) as url, connect(f"{url}?model=m") as client:
            await client.recv()


async def test_subprotocols_are_chosen_as_servers_do(tmp_path: Path) -> None:
    path = Tape(tmp_path / "call.jsonl").server(GREETING).connected().server(GREETING).done()
    async with cassette_server(path) as url:
        offered: Any = ["openai-insecure-api-key.x", "realtime"]
        async with connect(f"{url}?model=m", subprotocols=offered) as client:
            assert client.subprotocol == "realtime"
        async with connect(f"{url}?model=m") as client:
            assert client.subprotocol is None


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("wss://h/v1/realtime?model=m", "/v1"),
        ("wss://h/v1/live/sessions", "/v1"),
        ("wss://h/v1/realtime/translations", "/v1"),
        ("wss://h/voice", "/voice"),
    ],
)
async def test_the_base_url_is_what_http_clients_are_given(tmp_path: Path, url: str, base: str) -> None:
    server = open_cassette(Tape(tmp_path / "call.jsonl", url=url).server(GREETING).done())
    async with server.listening():
        assert server.base_url == f"http://127.0.0.1:{server.port}{base}"
        assert not server.is_recording


def test_wrong_arguments_are_errors(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"there is no cassette .*call.jsonl"):
        open_cassette(tmp_path / "call.jsonl")
    with pytest.raises(ValueError, match="record is one of none, once, new, all, not 'some'"):
        open_cassette(tmp_path / "call.jsonl", record="some")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the URL of a server is needed as `upstream`"):
        open_cassette(tmp_path / "call.jsonl", record="once")
