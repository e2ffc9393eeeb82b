"""The chat responder streams what an endpoint says, and tells in one sentence what went wrong."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from duologue.engines.chat import ChatResponder
from duologue.engines.checks import an_exchange, check_responder
from duologue.errors import EngineError

KEY = "sk-do-not-tell"


@dataclass
class Endpoint:
    """A stand-in that speaks just enough HTTP: reads a request, answers with the bytes it was given."""

    answer: bytes
    url: str = ""
    heads: list[str] = field(default_factory=list[str])
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    hold_open: bool = False
    serving: list[asyncio.Task[Any] | None] = field(default_factory=list["asyncio.Task[Any] | None"])
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.append(asyncio.current_task())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next(int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:"))
        self.heads.append(head)
        self.requests.append(msgspec.json.decode(await reader.readexactly(length)))
        self.asked.set()
        writer.write(self.answer)
        await writer.drain()
        if self.hold_open:
            await reader.read()
            self.hung_up.set()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def endpoint(answer: bytes, *, hold_open: bool = False) -> AsyncGenerator[Endpoint]:
    stand_in = Endpoint(answer, hold_open=hold_open)
    server = await asyncio.start_server(stand_in.serve, "127.0.0.1", 0)
    stand_in.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/"
    try:
        yield stand_in
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.gather(*filter(None, stand_in.serving), return_exceptions=True)


@asynccontextmanager
async def responder(url: str, **options: Any) -> AsyncGenerator[ChatResponder]:
    chat = ChatResponder(url=url, model="parrot", api_key=KEY, **options)
    try:
        yield chat
    finally:
        await chat.aclose()


def http(status: str, body: bytes, kind: str = "application/json") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode() + body


def sse(*chunks: str) -> bytes:
    return http("200 OK", "".join(f"data: {chunk}\n\n" for chunk in chunks).encode(), "text/event-stream")


def said(text: str) -> str:
    return f'{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}'


HELLO = sse(
    '{"choices":[{"delta":{"role":"assistant","content":null}}]}', said("Hel"), said("lo."), '{"choices":[]}', "[DONE]"
)


async def test_the_chat_responder_keeps_the_contract() -> None:
    async with endpoint(HELLO) as server, responder(server.url) as chat:
        await check_responder(chat)


async def test_pieces_come_as_they_are_sent_and_comments_are_stepped_over() -> None:
    answer = HELLO.replace(b"data:", b": still working\n\ndata:", 1)
    async with endpoint(answer) as server, responder(server.url) as chat:
        assert [piece async for piece in chat.respond(an_exchange("Hi"))] == ["Hel", "lo."]


async def test_the_conversation_and_the_options_are_sent() -> None:
    exchange = msgspec.structs.replace(
        an_exchange("Hi", "Hello!", "And you?", instructions="Be brief."), max_output_tokens=7
    )
    async with endpoint(HELLO) as server, responder(server.url, parameters={"temperature": 0}) as chat:
        assert [piece async for piece in chat.respond(exchange)]
        assert server.heads[0].startswith("POST /v1/chat/completions HTTP/1.1")
        assert f"authorization: bearer {KEY}" in server.heads[0].lower()
        assert server.requests == [
            {
                "temperature": 0,
                "max_tokens": 7,
                "model": "parrot",
                "stream": True,
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": "Hello!"},
                    {"role": "user", "content": "And you?"},
                ],
            }
        ]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (http("401 Unauthorized", b'{"error":{"message":"bad key"}}'), "127.0.0.1 answered 401: bad key"),
        (http("404 Not Found", b'{"error":"no model"}'), "127.0.0.1 answered 404: no model"),
        (http("502 Bad Gateway", b"<html>"), "127.0.0.1 answered 502: <html>"),
        (http("500 Oops", b""), "127.0.0.1 answered 500: no reason given"),
        (sse('{"error":{"message":"out of memory"}}'), "127.0.0.1 broke off: out of memory"),
        (sse("nonsense"), "127.0.0.1 sent what is no chunk of an answer: JSON is malformed"),
        (b"", "127.0.0.1 cannot be talked to: Server disconnected without sending a response."),
    ],
)
async def test_a_failure_is_one_sentence_without_the_key(answer: bytes, sentence: str) -> None:
    async with endpoint(answer) as server, responder(server.url) as chat:
        with pytest.raises(EngineError) as caught:
            assert [piece async for piece in chat.respond(an_exchange("Hi"))] == []
    assert str(caught.value).startswith(f"chat-parrot: {sentence}")
    assert KEY not in str(caught.value) + repr(caught.value.__cause__) + repr(chat)


@pytest.mark.parametrize("url", ["localhost:8080/v1", "http://", "http://host:port/v1", "ftp://host/v1"])
def test_what_is_no_address_is_told_at_once(url: str) -> None:
    with pytest.raises(EngineError, match=r"chat-parrot: .* is no address"):
        ChatResponder(url=url, model="parrot")


async def test_an_endpoint_that_keeps_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.engines.chat._SILENCE_S", 0.01)
    async with endpoint(b"", hold_open=True) as server, responder(server.url) as chat:
        with pytest.raises(EngineError, match=r"chat-parrot: 127\.0\.0\.1 did not answer in time"):
            await anext(chat.respond(an_exchange("Hi")))


async def test_an_endpoint_that_is_not_there_is_told() -> None:
    async with endpoint(b"") as server:
        url = server.url
    async with responder(url) as chat:
        with pytest.raises(EngineError, match=r"chat-parrot: 127\.0\.0\.1 cannot be talked to"):
            await anext(chat.respond(an_exchange("Hi")))


async def test_closing_the_answer_hangs_up() -> None:
    async with endpoint(sse(said("One")), hold_open=True) as server, responder(server.url) as chat:
        answer = chat.respond(an_exchange("Hi"))
        assert await anext(answer) == "One"
        await answer.aclose()
        async with asyncio.timeout(5):
            await server.hung_up.wait()


async def test_cancelling_the_listener_hangs_up() -> None:
    async with endpoint(sse(), hold_open=True) as server, responder(server.url) as chat:

        async def listen() -> None:
            async for _ in chat.respond(an_exchange("Hi")):
                pass

        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(listen())
            await server.asked.wait()
            listening.cancel()
            await server.hung_up.wait()
