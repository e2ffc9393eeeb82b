"""The chat responder streams what an endpoint says, and reports an error in one sentence."""

import asyncio
import gzip
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from duologue.engines.base import Function, FunctionCall, Image, Message, ResponderRequest
from duologue.engines.checks import check_responder, responder_request
from duologue.engines.llm.chat import ChatResponder
from duologue.engines.llm.chat_stream import MAX_ARGUMENTS_CHARS, CalledFunction, CallPiece, Calls
from duologue.engines.remote.endpoint import _UNREAD_BYTES
from duologue.errors import EngineError
from tests.engines._requests import after
from tests.engines._stand_in import Endpoint, endpoint, http, sse

KEY = "sk-do-not-tell"


@asynccontextmanager
async def responder(url: str, **options: Any) -> AsyncGenerator[ChatResponder]:
    chat = ChatResponder(url=url, model="parrot", api_key=KEY, **options)
    try:
        yield chat
    finally:
        await chat.aclose()


def said(text: str) -> str:
    return f'{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}'


HELLO = sse(
    '{"choices":[{"delta":{"role":"assistant","content":null}}]}', said("Hel"), said("lo."), '{"choices":[]}', "[DONE]"
)


async def asked(request: ResponderRequest, **options: Any) -> Endpoint:
    """An endpoint that was asked this, and that answered."""
    async with endpoint(HELLO) as server, responder(server.url, **options) as chat:
        assert [piece async for piece in chat.respond(request)] == ["Hel", "lo."]
    return server


async def test_the_chat_responder_keeps_the_contract() -> None:
    async with endpoint(HELLO) as server, responder(server.url) as chat:
        await check_responder(chat)


async def test_the_conversation_and_the_options_are_sent() -> None:
    request = msgspec.structs.replace(
        responder_request("Hi", "Hello!", "And you?", instructions="Be brief."), max_output_tokens=7
    )
    server = await asked(request, parameters={"temperature": 0})
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


async def test_pictures_are_sent_in_parts_behind_the_words() -> None:
    picture = Image("data:image/png;base64,AA==")
    request = after(
        Message("user", "Which is it?", images=(picture, Image("data:image/png;base64,AQ==", "low"))),
        Message("user", "", images=(picture,)),
    )
    server = await asked(request)
    plain = {"type": "image_url", "image_url": {"url": picture.url}}
    low = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AQ==", "detail": "low"}}
    words = {"type": "text", "text": "Which is it?"}
    assert [message["content"] for message in server.requests[0]["messages"][1:]] == [[words, plain, low], [plain]]


async def test_an_address_in_place_of_a_picture_is_never_passed_on() -> None:
    addresses = (
        "http://169.254.169.254/",
        "https://h/a.png",
        "file:///etc/passwd",
        "data:text/html;base64,AA==",
        "//h/a",
    )
    pictures = tuple(map(Image, addresses))
    message = Message("user", "Which is it?", images=(*pictures, Image("data:image/png;base64,AA==")))
    server = await asked(after(message, Message("user", "", images=pictures)))
    _, first, second = server.requests[0]["messages"]
    assert [part.get("image_url") for part in first["content"]] == [None, {"url": "data:image/png;base64,AA=="}]
    assert second["content"] == ""


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
            assert [piece async for piece in chat.respond(responder_request("Hi"))] == []
    assert str(caught.value).startswith(f"chat-parrot: {sentence}")
    assert KEY not in str(caught.value) + repr(caught.value.__cause__) + repr(chat)


@pytest.mark.parametrize("url", ["localhost:8080/v1", "http://", "http://host:port/v1", "ftp://host/v1"])
def test_a_string_that_is_no_address_is_an_error_at_once(url: str) -> None:
    with pytest.raises(EngineError, match=r"chat-parrot: .* is no address"):
        ChatResponder(url=url, model="parrot")


async def test_an_endpoint_that_keeps_silent_is_given_up() -> None:
    async with endpoint(b"", hold_open=True) as server, responder(server.url, timeout_s=0.01) as chat:
        with pytest.raises(EngineError, match=r"chat-parrot: 127\.0\.0\.1 did not answer in time"):
            await anext(chat.respond(responder_request("Hi")))


async def test_closing_the_answer_hangs_up() -> None:
    async with endpoint(sse(said("One")), hold_open=True) as server, responder(server.url) as chat:
        answer = chat.respond(responder_request("Hi"))
        assert await anext(answer) == "One"
        await answer.aclose()
        async with asyncio.timeout(5):
            await server.hung_up.wait()


# --- tools

WEATHER = Function(
    name="get_weather",
    description="Weather.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
RESET = Function(name="reset")


def delta(**fields: Any) -> str:
    return msgspec.json.encode({"choices": [{"index": 0, "delta": fields, "finish_reason": None}]}).decode()


def piece(index: int | None, arguments: Any = None, **fields: Any) -> dict[str, Any]:
    """A piece of a call, as it stands in a delta."""
    name = fields.pop("name", None)
    function = ({} if name is None else {"name": name}) | ({} if arguments is None else {"arguments": arguments})
    return ({} if index is None else {"index": index}) | fields | {"function": function}


def finished(reason: str) -> str:
    return msgspec.json.encode({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}).decode()


async def said_and_called(answer: bytes, request: ResponderRequest | None = None, **settings: Any) -> list[Any]:
    async with endpoint(answer, **settings) as server, responder(server.url) as chat:
        pieces = [piece async for piece in chat.respond(request or responder_request("Hi", functions=(WEATHER,)))]
    return [(piece.name, piece.arguments) if isinstance(piece, FunctionCall) else piece for piece in pieces]


async def test_tools_choice_calls_and_results_are_sent_as_endpoints_want_them() -> None:
    call = FunctionCall(name="get_weather", arguments='{"city":"Paris"}', call_id="call_1")
    request = after(
        Message("user", "Weather?"),
        Message("assistant", "One moment.", calls=(call,)),
        # Spoken while the function ran.
        Message("user", "Quickly!"),
        Message("tool", "21 degrees", call_id="call_1"),
        # Its call was deleted, and a call that has no result yet.
        Message("tool", "lost", call_id="call_0"),
        Message("assistant", "", calls=(FunctionCall(name="reset", arguments="{}", call_id="call_2"),)),
        functions=(WEATHER, RESET),
        function_choice="get_weather",
    )
    [body] = (await asked(request)).requests
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "get_weather", "description": "Weather.", "parameters": WEATHER.parameters},
        },
        {
            "type": "function",
            "function": {"name": "reset", "description": "", "parameters": {"type": "object", "properties": {}}},
        },
    ]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}
    wire = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'}}
    assert body["messages"][1:] == [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "One moment.", "tool_calls": [wire]},
        {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees"},
        {"role": "user", "content": "Quickly!"},
        {"role": "user", "content": "[A function returned: lost]"},
    ]


@pytest.mark.parametrize("choice", ["auto", "none", "required"])
async def test_a_choice_that_names_no_function_is_sent_as_a_word(choice: str) -> None:
    server = await asked(responder_request("Hi", functions=(WEATHER,), function_choice=choice))
    assert server.requests[0]["tool_choice"] == choice
    server = await asked(responder_request("Hi"))
    assert not {"tools", "tool_choice"} & server.requests[0].keys()


PARALLEL = sse(
    delta(role="assistant", content=None, reasoning_content="They want two cities."),
    delta(content="Let me "),
    delta(content="see."),
    delta(tool_calls=[piece(0, "", id="a", type="function", name="get_weather")]),
    delta(tool_calls=[piece(0, '{"ci')]),
    delta(tool_calls=[piece(1, '{"city"', id="b", name="get_weather"), piece(0, 'ty":"Pa')]),
    delta(tool_calls=[piece(1, ':"Rome"}')]),
    delta(tool_calls=[piece(0, 'ris"}')]),
    finished("tool_calls"),
    '{"choices":[],"usage":{"total_tokens":9}}',
    "[DONE]",
)


@pytest.mark.parametrize("piece_bytes", [1, 7, 64, None])
async def test_calls_are_put_together_by_index_however_the_stream_is_cut(piece_bytes: int | None) -> None:
    assert await said_and_called(PARALLEL, piece_bytes=piece_bytes) == [
        "Let me ",
        "see.",
        ("get_weather", '{"city":"Paris"}'),
        ("get_weather", '{"city":"Rome"}'),
    ]


async def test_a_call_that_was_forbidden_is_not_passed_on() -> None:
    request = responder_request("Hi", functions=(WEATHER,), function_choice="none")
    assert await said_and_called(PARALLEL, request) == ["Let me ", "see."]


@pytest.mark.parametrize(
    ("chunks", "calls"),
    [
        # Every call with the same index, distinguished by their ids.
        ([delta(tool_calls=[piece(0, "{}", id="a", name="one")]),
          delta(tool_calls=[piece(0, "{}", id="b", name="two")])],
         [("one", "{}"), ("two", "{}")]),
        # No index at all, and arguments as an object.
        ([delta(tool_calls=[piece(None, {"x": 1}, id="a", name="one"), piece(None, {}, id="b", name="two")])],
         [("one", '{"x":1}'), ("two", "{}")]),
        # The name and the id again in every piece.
        ([delta(tool_calls=[piece(0, '{"x":', id="a", name="one")]),
          delta(tool_calls=[piece(0, "1}", id="a", name="one")])],
         [("one", '{"x":1}')]),
        # An empty id in what follows.
        ([delta(tool_calls=[piece(0, '{"x":', id="a", name="one")]), delta(tool_calls=[piece(0, "1}", id="")])],
         [("one", '{"x":1}')]),
        # Arguments that were not sent, and arguments that are broken off: these pass as they are.
        ([delta(tool_calls=[piece(0, None, id="a", name="one")])], [("one", "{}")]),
        ([delta(tool_calls=[piece(0, '{"city": "Par', id="a", name="one")]), finished("length")],
         [("one", '{"city": "Par')]),
    ],
)  # fmt: skip
async def test_calls_are_understood_as_servers_send_them(chunks: list[str], calls: list[Any]) -> None:
    assert await said_and_called(sse(*chunks, finished("stop"))) == calls


@pytest.mark.parametrize(
    "answer",
    [
        sse(said("Hi"), finished("stop")),
        sse(said("Hi"), "[DONE]"),
        sse(said("Hi"), finished("length"), '{"choices":null,"usage":{}}', "[DONE]"),
        sse(said("Hi"), '{"choices":[{"index":0,"delta":null,"finish_reason":"content_filter"}]}'),
        sse(delta(content=[{"type": "text", "text": "Hi"}]), finished("stop")),
        sse(delta(content=None, refusal="Hi"), finished("stop")),
        HELLO.replace(b"Hel", b"").replace(b"lo.", b"Hi").replace(b"\n\n", b"\r\n\r\n"),
        sse(said("Hi"), finished("stop")).replace(b"data: ", b"event: message\nid: 7\ndata:"),
        sse(said("Hi"), finished("stop")).rstrip(b"\n"),
        sse(said("Hi"), finished("stop")).replace(b"data:", b": still working\n\ndata:", 1),
    ],
)
async def test_an_answer_is_read_in_every_spelling(answer: bytes) -> None:
    assert "".join(await said_and_called(answer)) == "Hi"


async def test_a_line_separator_inside_a_text_ends_no_line() -> None:
    assert await said_and_called(sse(delta(content="a\u2028b\x85c"), "[DONE]")) == ["a\u2028b\x85c"]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (sse(said("Hi"), '{"error":{"message":"out of memory","code":500}}'), "broke off: out of memory"),
        (sse(said("Hi"), '{"object":"error","message":"no such model"}'), "broke off: no such model"),
        (sse(said("Hi"), '{"error":{"code":500}}'), "broke off: no reason given"),
        (sse(said("Hi")), "broke off in the middle of its answer"),
        (sse(said("Hi"), '{"choices":[{"delta":'), "sent what is no chunk of an answer"),
        (sse(said("Hi"), '{"choices":"none"}'), "sent what is no chunk of an answer"),
        (sse(said("Hi")) + b"data: \xff\xfe\n\n", "sent what is no chunk of an answer"),
    ],
)
async def test_what_was_said_before_a_break_stands_and_the_break_is_told(answer: bytes, sentence: str) -> None:
    async with endpoint(answer) as server, responder(server.url) as chat:
        pieces = chat.respond(responder_request("Hi"))
        assert await anext(pieces) == "Hi"
        with pytest.raises(EngineError, match=sentence):
            await anext(pieces)


async def test_a_line_without_an_end_is_not_collected_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.engines.remote.event_lines.MAX_LINE_BYTES", 1_000)
    with pytest.raises(EngineError, match="a line of more than 1000 bytes"):
        await said_and_called(http("200 OK", b"data: " + b"x" * 5_000, "text/event-stream"), piece_bytes=100)


async def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with endpoint(http("403 Forbidden", b"")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1/"))
        async with responder("http://llm.invalid/v1") as chat:
            with pytest.raises(EngineError, match="answered 403"):
                await anext(chat.respond(responder_request("Hi")))
    assert proxy.heads[0].startswith("POST http://llm.invalid/v1/chat/completions")


async def test_the_system_keeps_little_of_an_answer_that_is_not_read_yet() -> None:
    async with (
        endpoint(http("200 OK", b""), hold_open=True) as server,
        responder(server.url) as chat,
        chat._endpoint.client.stream("POST", server.url, json={}) as response,
    ):
        connected = response.extensions["network_stream"].get_extra_info("socket")
        kept_bytes = connected.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    assert kept_bytes <= 2 * _UNREAD_BYTES  # Linux doubles it


async def test_nothing_compressed_is_asked_for_and_none_is_unpacked() -> None:
    packed = gzip.compress(b"data: " + b" " * 1_000_000)
    for status in ("200 OK", "500 Oops"):
        answer = http(f"{status}\r\nContent-Encoding: gzip", packed, "text/event-stream")
        async with endpoint(answer) as server, responder(server.url) as chat:
            with pytest.raises(EngineError, match="a compressed answer" if status == "200 OK" else "answered 500$"):
                assert [piece async for piece in chat.respond(responder_request("Hi"))] == []
            assert "accept-encoding: identity" in server.heads[0].lower()


async def test_a_failure_is_read_to_its_first_page_and_then_hung_up_on() -> None:
    page = http("500 Oops", b"x" * 20_000)
    async with endpoint(page, hold_open=True) as server, responder(server.url) as chat:
        async with asyncio.timeout(5):
            with pytest.raises(EngineError) as caught:
                assert [piece async for piece in chat.respond(responder_request("Hi"))] == []
            await server.hung_up.wait()
    assert len(str(caught.value)) < 1_000


async def test_an_answer_without_an_end_is_not_collected_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.engines.llm.chat.MAX_ANSWER_BYTES", 10_000)
    with pytest.raises(EngineError, match="an answer of more than 10000 bytes"):
        await said_and_called(sse(*[said("on and on")] * 1_000))


async def test_calls_without_number_are_not_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [delta(tool_calls=[{"index": index, "function": {"name": "f", "arguments": "{}"}}]) for index in range(200)]
    with pytest.raises(EngineError, match="more than 128 calls"):
        await said_and_called(sse(*calls))


@pytest.mark.parametrize("depth", [300, 900, 100_000])
async def test_an_answer_that_nests_without_end_is_no_chunk(depth: int) -> None:
    nested = '{"a":' * depth + "1" + "}" * depth
    call = f'{{"choices":[{{"delta":{{"tool_calls":[{{"function":{{"name":"f","arguments":{nested}}}}}]}}}}]}}'
    for answer in (sse(call, "[DONE]"), sse(f'{{"error":{nested}}}'), http("500 Oops", nested.encode())):
        try:
            await said_and_called(answer)
        except EngineError as fault:
            assert len(str(fault)) < 1_000  # noqa: PT017  which of them are read depends on the parser's own depth


@pytest.mark.parametrize("where", ["headers", "pieces"])
async def test_a_request_is_abandoned_without_waiting_for_the_endpoint(where: str) -> None:
    answer = sse(said("One")) if where == "pieces" else b""
    async with endpoint(answer, hold_open=True) as server, responder(server.url) as chat:
        pieces = chat.respond(responder_request("Hi"))
        if where == "pieces":
            assert await anext(pieces) == "One"
        listening = asyncio.ensure_future(anext(pieces))
        async with asyncio.timeout(5):
            await server.asked.wait()
            listening.cancel()
            await asyncio.wait([listening])
            await pieces.aclose()
            await server.hung_up.wait()


def test_arguments_without_an_end_are_not_collected_for_ever() -> None:
    calls = Calls()
    half = "x" * (MAX_ARGUMENTS_CHARS // 2)
    calls.add(CallPiece(index=0, function=CalledFunction(arguments=half)))
    calls.add(CallPiece(index=1, function=CalledFunction(arguments=half)))
    with pytest.raises(ValueError, match=f"arguments of more than {MAX_ARGUMENTS_CHARS} characters"):
        calls.add(CallPiece(index=0, function=CalledFunction(arguments="x")))
