"""What the client logs, what it does not, and what the objects of a session show of themselves."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Generator

import pytest

from duologue import ConnectFailed, CoreOptions, ReconnectPolicy, RotationLimits, blocking, connect
from duologue.client import Conversation, converse
from duologue.client.asyncio.managed_connection import ManagedConnection
from duologue.errors import ConnectionClosed
from duologue.events import RealtimeEvent, RealtimeSessionConfig, UnknownRealtimeEvent
from duologue.notices import SessionRestored
from duologue.testing import GREETING, Close, Drop, Expect, ScriptedServer, Send
from tests.client._frames import answer, audio_delta, call, error, greeting, replies, serving, tool_turn
from tests.client._waiting import following, talking
from tests.transports._answering import answering, http_answer, unused_port

KEY = "sk-spiky-hedgehog"
TOKEN = "token-of-badgers"
TEXT = "the walrus was wearing a waistcoat"
ANSWER = "an answer about marmalade"
ARGUMENT = "pomegranate"
INSTRUCTIONS = "speak like a lighthouse"
SPEECH = bytes.fromhex("beefcafe") * 60
SPEECH_BASE64 = "vu/K/r7vyv6+78r+"
SECRETS = (KEY, TOKEN, TEXT, ANSWER, ARGUMENT, INSTRUCTIONS, SPEECH_BASE64, "beefcafe", repr(SPEECH[:8])[2:-1])


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Generator[pytest.LogCaptureFixture, None, None]:
    """The log, from DEBUG on."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("websockets.server").setLevel(logging.WARNING)  # the other side's, which is not ours
    yield caplog
    logging.getLogger("websockets.server").setLevel(logging.NOTSET)


def lines(log: pytest.LogCaptureFixture, logger: str, *, begins: str = "") -> list[str]:
    """Messages of one logger, in their order."""
    found = [record.getMessage() for record in log.records if record.name == logger]
    return [line for line in found if line.startswith(begins)]


def shown_anywhere(log: pytest.LogCaptureFixture) -> str:
    """All that a handler could print of all records: messages, arguments, tracebacks and attributes."""
    formatter = logging.Formatter("%(message)s")
    return "\n".join(f"{formatter.format(record)} {record.__dict__!r}" for record in log.records)


def look_up(word: str) -> str:
    """Look a word up."""
    return f"{word}: {TEXT}"


def whole_conversation() -> ScriptedServer:
    """A server that hears a question, calls a function, answers with text and speech, and closes."""
    turn = tool_turn(call("call_1", "look_up", f'{{"word": "{ARGUMENT}"}}'), reply=ANSWER)
    return serving([*turn, Send(audio_delta("resp_2", "item_9", SPEECH), b"\x00binary", "{not JSON", "[]")])


async def test_a_whole_conversation_at_debug_shows_types_and_sizes_and_nothing_of_its_content(
    log: pytest.LogCaptureFixture,
) -> None:
    server = whole_conversation()
    session = RealtimeSessionConfig(instructions=INSTRUCTIONS)
    shown = ""
    async with server.listening() as url, asyncio.timeout(5):
        place = f"{url}?token={TOKEN}"
        async with (
            converse(place, api_key=KEY, query={"q": TOKEN}, session=session, tools=[look_up]) as conversation,
            conversation.stream(RealtimeEvent) as events,
        ):
            assert await conversation.ask(TEXT, timeout=5) == ANSWER
            await conversation.send_audio(SPEECH)
            await conversation.drain()
            while not shown:
                async for event in events:
                    if isinstance(event, UnknownRealtimeEvent) and event.wire_type is None:
                        break  # the last frame of the script, which is no object
                shown = repr(conversation) + repr(conversation.core) + repr(events)
    everything = shown_anywhere(log) + shown
    assert [secret for secret in SECRETS if secret in everything] == []
    wire = lines(log, "duologue.wire")
    assert wire[0].startswith("received session.created ")
    assert any(line.startswith("sent session.update ") for line in wire)
    appended = next(line for line in wire if line.startswith("sent input_audio_buffer.append"))
    assert appended.endswith("bytes), session sess_1")
    assert "received a binary message (7 bytes), session sess_1" in wire
    assert "received an unreadable text (9 bytes), session sess_1" in wire
    [done] = [line for line in wire if line.startswith("received response.output_item.done ")]
    assert int(done.partition("(")[2].partition(" bytes")[0]) > 100


PATH = "/v1/realtime"


async def test_the_life_of_a_connection_is_told_at_info(log: pytest.LogCaptureFixture) -> None:
    server = ScriptedServer([Send(GREETING), Expect("response.create"), Close(4000, f"no {TEXT}")])
    async with (
        server.listening() as url,
        asyncio.timeout(5),
        connect(f"{url}?token={TOKEN}", api_key=KEY) as connection,
    ):
        await connection.receive()
        assert repr(connection) == f"<Connection to {url}{PATH}, open, dialect openai, session 'sess_1'>"
        await connection.send(RealtimeEvent.from_json({"type": "response.create"}))
        with pytest.raises(ConnectionClosed):
            await connection.receive()
        assert "closed with code 4000" in repr(connection)
    opened, began, closed = lines(log, "duologue.client")
    assert opened.startswith(f"opened {url}{PATH} after ")
    assert opened.endswith("dialect openai")
    assert began == f"session sess_1 began at {url}{PATH}, dialect openai"
    assert closed.startswith(f"closed {url}{PATH} by the server, code 4000, after ")
    assert closed.endswith("dialect openai, session sess_1")
    assert TEXT not in log.text


@pytest.mark.parametrize(("code", "told"), [("session_expired", " (session_expired)"), (KEY, ""), (TEXT, "")])
async def test_the_error_before_a_close_is_told_by_its_code_if_it_looks_like_one(
    code: str, told: str, log: pytest.LogCaptureFixture
) -> None:
    server = ScriptedServer([Send(GREETING, error(code, TEXT)), Close(4000)])
    async with server.listening() as url, asyncio.timeout(5), connect(url) as connection:
        assert [(await connection.receive()).type for _ in range(2)] == ["session.created", "error"]
        with pytest.raises(ConnectionClosed):
            await connection.receive()
    [closed] = lines(log, "duologue.client", begins="closed ")
    assert f"by the server, code 4000{told}, after " in closed


async def test_a_close_of_this_side_is_told_once_with_its_code(log: pytest.LogCaptureFixture) -> None:
    async with ScriptedServer([Send(GREETING)]).listening() as url, asyncio.timeout(5):
        async with connect(url) as connection:
            await connection.receive()
            await connection.close(1001)
        with pytest.raises(LookupError):
            async with connect(url):
                raise LookupError
    first, second = lines(log, "duologue.client", begins="closed ")
    assert f"{url}{PATH} by this side, code 1001" in first
    assert f"{url}{PATH} by this side, code 1000" in second


async def test_a_refused_connection_is_told_without_the_key_that_the_server_repeats(
    log: pytest.LogCaptureFixture,
) -> None:
    async with answering(http_answer("401 Unauthorized", f"bad key {KEY}")) as port:
        with pytest.raises(ConnectFailed):
            async with connect(f"ws://127.0.0.1:{port}?token={TOKEN}", api_key=KEY):
                pass
    [refused] = lines(log, "duologue.client")
    assert refused.startswith(f"refused by ws://127.0.0.1:{port}/v1/realtime after ")
    assert "HTTP 401" in refused
    assert KEY not in log.text
    assert TOKEN not in log.text


async def test_a_lost_connection_and_its_restoration_are_told(log: pytest.LogCaptureFixture) -> None:
    server = serving([Drop()], [])
    async with talking(server) as conversation, conversation.stream(SessionRestored) as restored:
        await following(restored)
        assert "session 'sess_2'" in repr(conversation)
    told = lines(log, "duologue.client")
    assert "lost the connection to a MemoryTransport, code 1006" in told
    assert "restored the conversation at a MemoryTransport" in told
    lost = next(record for record in log.records if record.getMessage().startswith("lost "))
    assert lost.levelno == logging.WARNING


async def test_a_rotation_ahead_of_the_end_of_a_session_is_told(
    log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, passed_s = time.time, 0.0
    monkeypatch.setattr(time, "time", lambda: clock() + passed_s)
    server = ScriptedServer(
        [
            Send(greeting(expires_at=int(clock()) + 60)),
            *replies("response.create", *answer("resp_1", "item_1", "Yes.")),
        ],
        [Send(greeting("sess_2"))],
    )
    options = CoreOptions(rotation=RotationLimits(lead_s=3600.0, last_moment_s=0.5))
    async with talking(server, options=options) as conversation, conversation.stream(SessionRestored) as restored:
        await conversation.respond(timeout=5)
        passed_s = 31.0  # a session is used for half its time at least
        await following(restored)
    told = [line.partition(":")[0] for line in lines(log, "duologue.client")]
    assert told.index("rotated to another connection") < told.index("restored the conversation at a MemoryTransport")
    assert [line for line in told if line.startswith("lost")] == []


async def test_a_conversation_that_is_not_restored_is_an_error_in_the_log(log: pytest.LogCaptureFixture) -> None:
    server = serving([Close(3000)])
    never = ReconnectPolicy(max_attempts=0)
    async with (
        asyncio.timeout(5),
        converse(open_connection=server.connect, reconnect=never) as conversation,
        conversation.stream(SessionRestored) as restored,
    ):
        with pytest.raises(ConnectionClosed):
            await anext(aiter(restored))
        assert repr(conversation) == "<Conversation with a MemoryTransport, over, session 'none yet'>"
    [record] = [each for each in log.records if each.getMessage().startswith("the conversation at ")]
    assert record.levelno == logging.ERROR
    assert "code 3000" in record.getMessage()


async def test_the_blocking_shell_logs_and_shows_the_same(log: pytest.LogCaptureFixture) -> None:
    def talk(url: str) -> list[str]:
        with blocking.connect(f"{url}?token={TOKEN}", api_key=KEY) as connection:
            connection.receive(timeout=5)
            shown = [repr(connection)]
        with blocking.converse(f"{url}?token={TOKEN}", api_key=KEY) as conversation:
            shown.append(repr(conversation))
        return shown

    async with ScriptedServer([Send(GREETING)], [Send(GREETING)]).listening() as url:
        connection, conversation = await asyncio.to_thread(talk, url)
    assert connection == f"<BlockingConnection to {url}{PATH}, open, dialect openai, session 'sess_1'>"
    assert conversation == f"<BlockingConversation with {url}{PATH}, open, session 'sess_1'>"
    assert len(lines(log, "duologue.client", begins="opened ")) == 2
    assert TOKEN not in shown_anywhere(log)
    assert KEY not in shown_anywhere(log)


async def test_with_the_level_info_no_frame_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with talking(serving([])):
        pass
    assert lines(caplog, "duologue.wire") == []
    assert lines(caplog, "duologue.client", begins="opened ") != []


async def test_a_connection_that_is_being_opened_says_how_far_it_is() -> None:
    with pytest.raises(ConnectFailed):
        async with converse(f"ws://127.0.0.1:{unused_port()}"):
            pass
    failing = ManagedConnection(lambda: connect(f"ws://127.0.0.1:{unused_port()}"))
    assert repr(failing) == "<ManagedConnection, being opened>"
    with pytest.raises(ConnectFailed):
        await failing.opened()
    assert "not opened: cannot reach" in repr(failing)
    await failing.close()
    server = serving([])
    managed = ManagedConnection(server.connect)
    await managed.opened()
    assert repr(managed).startswith("<ManagedConnection of <Connection to a MemoryTransport, open")
    await managed.close()
    conversation = Conversation(server.connect)
    assert repr(conversation) == "<Conversation with a server, not connected, session 'none yet'>"
