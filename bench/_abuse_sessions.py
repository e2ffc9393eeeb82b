"""Attacks with a key or a client secret: by computation, by slow reading, and by floods."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any, Final

from bench._abuse_memory import big_refusals, emoji_texts, noise, send_each, tiny_fragments, unfinished_messages
from bench._abuse_wire import MIB, NOISE, Target, appended, created, frame, user_item

# --- what is read slowly ----------------------------------------------------------------------------------------------


async def slow_readers(target: Target) -> None:
    """Sessions that ask for the audio of an item again and again, and read nothing."""

    async def one(_: int) -> None:
        link = await target.session()
        part = {"type": "input_audio", "audio": base64.b64encode(NOISE * 10).decode()}
        item = {"id": "loud", "type": "message", "role": "user", "content": [part]}
        await link.send(created(item))
        while target.goes_on:
            await link.send({"type": "conversation.item.retrieve", "item_id": "loud"})
            target.outcome["asked"] += 1

    await target.again(target.some(40), one)


async def retrieves(target: Target) -> None:
    """The same, by sessions that read as fast as they can."""

    async def one(_: int) -> None:
        link = await target.session()
        part = {"type": "input_audio", "audio": base64.b64encode(NOISE * 60).decode()}
        await link.send(created({"id": "loud", "type": "message", "role": "user", "content": [part]}))
        async with target.reading(link):
            while target.goes_on:
                await link.send({"type": "conversation.item.retrieve", "item_id": "loud"})
                target.outcome["asked"] += 1

    await target.again(target.some(6), one)


# --- what is computed -------------------------------------------------------------------------------------------------


def _ask(text: str, *tools: dict[str, Any], choice: str = "required") -> dict[str, Any]:
    """A response out of band to these words."""
    response = {"conversation": "none", "input": [user_item(text)], "output_modalities": ["text"]}
    return {"type": "response.create", "response": {**response, "tools": list(tools), "tool_choice": choice}}


_TOOL: Final = {
    "type": "function",
    "name": "f",
    "description": "d",
    "parameters": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}}},
}


async def patterns(target: Target) -> None:
    """Texts on which ambiguous regular expressions would backtrack for ever."""
    texts = (
        "a" + " " * 200_000 + "b",
        "b " * 50_000,
        "call the tool f with a " + "and " * 30_000,
        "call f with a = " + '"' * 100_000,
        "f(" * 40_000,
        "1" * 100_000 + "e",
        "call the tool f with b " + "1," * 50_000,
        "-" * 150_000,
        "\n" * 200_000 + "x",
        "twenty " * 20_000 + "call the tool f with b",
    )

    async def one(index: int) -> None:
        link = await target.session()
        async with target.reading(link):
            await link.send(_ask(texts[index % len(texts)], _TOOL))
            target.outcome["asked"] += 1
            await asyncio.sleep(0.5)
        link.abort()

    await target.again(target.some(4), one)


async def deep_json(target: Target) -> None:
    """Nested JSON: as events, as fields, as arguments and outputs of calls, as schemas; and a response after each."""
    depths = (300, 1_000, 20_000, 100_000)

    async def one(index: int) -> None:
        depth = depths[index % 4]
        lists, maps = "[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth
        link = await target.session()
        async with target.reading(link):
            for nested in (lists, maps):
                await link.send(f'{{"type":"session.update","session":{nested}}}'.encode())
                await link.send(f'{{"type":"unknown","x":{nested}}}'.encode())
                tool = f'{{"type":"function","name":"f","parameters":{nested}}}'
                await link.send(
                    f'{{"type":"session.update","session":{{"type":"realtime","tools":[{tool}]}}}}'.encode()
                )
                call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": nested}
                await link.send(created(call))
                await link.send(created({"type": "function_call_output", "call_id": "c", "output": nested}))
                await link.send(_ask(f"call the tool f with a {nested}", _TOOL))
                await link.send({"type": "response.create", "response": {"output_modalities": ["text"]}})
                target.outcome["events"] += 7
            await asyncio.sleep(0.1)
        link.abort()

    await target.again(target.some(4), one)


async def heavy_json(target: Target) -> None:
    """Legal messages that cost much to read: numbers, escapes, many keys, many levels, for 15 MB each."""
    texts = (
        '{"type":"unknown","x":[' + ",".join(["0"] * (7 * MIB)) + "]}",
        '{"type":"unknown","x":{' + ",".join(f'"k{n}":0' for n in range(MIB)) + "}}",
        '{"type":"unknown","x":[' + ",".join(["[[]]"] * (3 * MIB)) + "]}",
        '{"type":"unknown","x":"' + "\\u00e9" * (2 * MIB) + '"}',
        '{"type":"unknown","x":[' + ",".join(["1.123456789012345e-200"] * (MIB // 2)) + "]}",
        '{"type":"session.update","session":{"type":"realtime","x":[' + ",".join(["{}"] * (4 * MIB)) + "]}}",
    )
    events = [text.encode() for text in texts]
    await send_each(target, 3, (events[number % len(events)] for number in range(target.some(60))))


async def middling_json(target: Target) -> None:
    """The same in messages of 250 kB, many of them: below most limits."""
    texts = (
        '{"type":"unknown","x":[' + ",".join(["0"] * 120_000) + "]}",
        '{"type":"unknown","x":[' + ",".join(["[[]]"] * 50_000) + "]}",
        '{"type":"unknown","x":{' + ",".join(f'"k{n}":0' for n in range(18_000)) + "}}",
        '{"type":"session.update","session":{"type":"realtime","x":[' + ",".join(["{}"] * 80_000) + "]}}",
        json.dumps(
            {"type": "conversation.item.create", "item": {**user_item(""), "content": [{"type": "input_text"}] * 9_000}}
        ),
    )
    events = [text.encode() for text in texts]
    await send_each(target, 6, (events[number % len(events)] for number in range(target.some(3_000))))


async def responses(target: Target) -> None:
    """Responses out of band without end, over a conversation of many items."""

    async def one(_: int) -> None:
        link = await target.session()
        async with target.reading(link):
            for number in range(target.some(3_000)):
                await link.send(created(user_item(f"word {number}")))
            while target.goes_on:
                await link.send({"type": "response.create", "response": {"conversation": "none"}})
                target.outcome["asked"] += 1

    await target.again(target.some(4), one)


async def wide_inputs(target: Target) -> None:
    """Responses out of band whose own input is large, sixteen at a time."""
    ask = _ask("x", _TOOL, choice="auto")
    ask["response"]["input"] = [user_item("x" * 100)] * 5_000
    event = json.dumps(ask).encode()
    await send_each(target, 3, (event for _ in range(target.some(300))))


async def counting(target: Target) -> None:
    """Long spoken answers, begun and cancelled."""

    async def one(_: int) -> None:
        link = await target.session()
        async with target.reading(link):
            while target.goes_on:
                await link.send(created(user_item("Count slowly from one to one hundred.")))
                await link.send({"type": "response.create"})
                await asyncio.sleep(0.05)
                await link.send({"type": "response.cancel"})
                target.outcome["answers"] += 1

    await target.again(target.some(16), one)


# --- floods -----------------------------------------------------------------------------------------------------------


async def tiny_frames(target: Target) -> None:
    """Pings, empty, binary and unknown messages, as many as the socket takes."""
    kinds = (
        frame(b"x" * 125, opcode=9),
        frame(b""),
        frame(b"x", opcode=2),
        frame(b'{"type":"no"}'),
        frame(b"", opcode=10),
        frame(appended(bytes(2))),
        frame(b'{"type":"input_audio_buffer.clear"}'),
    )

    async def one(index: int) -> None:
        link = await target.session()
        many = kinds[index % len(kinds)] * 500
        async with target.reading(link):
            while target.goes_on:
                await link.write(many)
                target.outcome["frames"] += 500

    await target.again(target.some(7), one)


async def log_lines(target: Target) -> None:
    """Names of fields and types that would write the log's lines, with line ends and colours."""

    async def one(index: int) -> None:
        link = await target.session()
        evil = f"\n2026 CRITICAL root: \x1b[31mowned {index}\r\u2028\x9b" + "n" * 5_000
        async with target.reading(link):
            for number in range(200):
                await link.send({"type": "session.update", "session": {"type": "realtime", f"{evil}{number}": evil}})
                await link.send({"type": evil, "event_id": f"{number}"})
                await link.send(created({**user_item("x"), evil: 1}))
                target.outcome["events"] += 3
            await link.write(frame(b"\x03\xe8" + b"\n\x1b[31m owned", opcode=8))
        link.abort()

    await target.again(target.some(4), one)


async def close_codes(target: Target) -> None:
    """Sessions that end with every code that a client may choose, and with words of its own."""

    async def one(index: int) -> None:
        link = await target.session()
        await link.write(frame((3_000 + index % 2_000).to_bytes(2, "big") + b"bye %d" % index, opcode=8))
        await link.read_on()
        link.abort()

    await target.again(target.some(8), one)


async def everything(target: Target) -> None:
    """Many of these at a time."""
    mix = (big_refusals, emoji_texts, unfinished_messages, slow_readers, middling_json, tiny_fragments, noise)
    await asyncio.gather(*(attack(target) for attack in mix))


# --- client secrets ---------------------------------------------------------------------------------------------------


async def _own_secret(target: Target) -> str:
    link = await target.dial()
    body = b'{"session":{"type":"realtime"}}'
    await link.write(target.post("/v1/realtime/client_secrets", len(body), "Connection: close"), body)
    await link.head()
    value: str = json.loads(await link.reader.read())["value"]
    return value


async def secret_sessions(target: Target) -> None:
    """All the sessions that one client secret opens, from one address."""
    target.key = await _own_secret(target)

    async def one(_: int) -> None:
        await target.session()

    for _ in range(target.some(22)):
        await target.crowd(50, one)
    await target.hold()


async def secret_items(target: Target) -> None:
    """Items of 15 MB by a page that has a client secret."""
    target.key = await _own_secret(target)
    await emoji_texts(target)
