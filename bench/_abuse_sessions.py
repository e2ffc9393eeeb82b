"""Attacks of those who have a key, or a client secret that a page was given: within sessions."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import Iterator
from typing import Any, Final

from bench._abuse_doors import secret_body
from bench._abuse_wire import MIB, Link, Target, appended, created, frame, said

BIG: Final = 15 * MIB
_NOISE: Final = random.Random(1).randbytes(48_000)
"""A second of loud noise."""


# --- what stays -------------------------------------------------------------------------------------------------------


async def _send_each(target: Target, sessions: int, events: Iterator[bytes]) -> None:
    """These events, over so many sessions, each in turn."""
    links: list[Link] = []

    async def one(_: int) -> None:
        links.append(await target.session())

    await target.crowd(sessions, one)
    readers = [asyncio.ensure_future(link.read_on()) for link in links]
    try:
        for number, event in enumerate(events):
            if not links or not target.goes_on:
                break
            link = links[number % len(links)]
            try:
                await link.send(event)
                target.outcome["events"] += 1
            except OSError:
                target.outcome["cut off"] += 1
                links.remove(link)
        await target.hold()
    finally:
        for reader in readers:
            reader.cancel()


async def big_refusals(target: Target) -> None:
    """Events of 15 MB that are refused, each in one of four ways."""
    text = "x" * BIG
    refused = [
        {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "no", "output": text}},
        {**json.loads(created(said(text))), "event_id": "e" * 600},
        {**json.loads(created(said(text))), "previous_item_id": "none of these"},
        {"type": "conversation.item.create", "item": {**said(text), "role": "nobody"}},
    ]
    frames = [json.dumps(event).encode() for event in refused]
    await _send_each(target, 2, (frames[number % 4] for number in range(target.some(60))))


async def big_texts(target: Target) -> None:
    """Items of 15 MB of text in one session."""
    event = created(said("x" * BIG))
    await _send_each(target, 1, (event for _ in range(target.some(30))))


async def emoji_texts(target: Target) -> None:
    """The same with one character that makes four bytes of each."""
    event = created(said("🙂" + "x" * BIG))
    await _send_each(target, 1, (event for _ in range(target.some(30))))


async def big_images(target: Target) -> None:
    """Items of 11 MB of image, as base64."""
    url = "data:image/png;base64," + base64.b64encode(b"\x89PNG" * (11 * MIB // 4)).decode()
    part = {"type": "input_image", "image_url": url}
    event = created({"type": "message", "role": "user", "content": [part]})
    await _send_each(target, 1, (event for _ in range(target.some(30))))


async def fitting_texts(target: Target) -> None:
    """Items of 3.9 MB and less, in a session for each kind: below a limit for one item or event, however many."""
    url = "data:image/png;base64," + base64.b64encode(b"\x89PNG" * 700_000).decode()
    image: dict[str, Any] = {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": url}]}
    items: list[dict[str, Any]] = [said("x" * 3_900_000), said("🙂" + "x" * 900_000), image, said("🙂" + "x" * 90_000)]
    events = [created(item) for item in items]
    await _send_each(target, 4, (events[number % 4] for number in range(target.some(400))))


async def fitting_texts_everywhere(target: Target) -> None:
    """The same in sixty sessions: the share of one key."""
    events = [created(said("x" * 3_900_000)), created(said("🙂" + "x" * 450_000))]
    await _send_each(target, target.some(60), (events[number % 2] for number in range(target.some(1_000))))


async def fitting_refusals(target: Target) -> None:
    """Events of 3.9 MB that are refused for what they say, not for how long they are."""
    text = "x" * 3_900_000
    item = said(text)
    refused: list[dict[str, Any]] = [
        {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "no", "output": text}},
        {"type": "conversation.item.create", "item": item, "event_id": "e" * 600},
        {"type": "conversation.item.create", "item": item, "previous_item_id": "none of these"},
        {"type": "conversation.item.create", "item": {**item, "role": "nobody"}},
        {"type": "session.update", "session": {"type": "realtime", "instructions": text, "voice": 5}},
        {"type": "response.create", "response": {"input": [item], "max_output_tokens": -1}},
        {"type": text},
    ]
    frames = [json.dumps(event).encode() for event in refused]
    await _send_each(target, 2, (frames[number % len(frames)] for number in range(target.some(300))))


async def fitting_tools(target: Target) -> None:
    """Updates, responses and items of as many tools, parts and values as just pass."""
    tools = [{"type": "function", "name": f"f{n}", "parameters": {"type": "object"}} for n in range(900)]
    schema = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(3_000)}}
    wide = [{"type": "function", "name": "f", "parameters": schema}]
    part = {"type": "input_text", "text": "x"}
    events = [
        {"type": "session.update", "session": {"type": "realtime", "tools": tools}},
        {"type": "session.update", "session": {"type": "realtime", "tools": wide}},
        {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [part] * 900}},
        {"type": "response.create", "response": {"conversation": "none", "input": [said("x")] * 450}},
        {"type": "response.create", "response": {"conversation": "none", "tools": tools[:450]}},
        {"type": "response.create", "response": {"conversation": "none", "metadata": {"a": "x" * 400}}},
    ]
    frames = [json.dumps(event).encode() for event in events]
    await _send_each(target, 4, (frames[number % len(frames)] for number in range(target.some(2_000))))


def _calls_and_outputs(number: int, output: str) -> Iterator[bytes]:
    for index in range(number):
        call = {"type": "function_call", "call_id": f"c{index}", "name": "f", "arguments": "{}"}
        yield created(call)
        yield created({"type": "function_call_output", "call_id": f"c{index}", "output": output})


async def big_outputs(target: Target) -> None:
    """Outputs of functions of 15 MB."""
    await _send_each(target, 1, _calls_and_outputs(target.some(30), "x" * BIG))


async def items_in_many_sessions(target: Target) -> None:
    """An item of 900 kB in each of a hundred sessions, again and again: what one session may have, times sessions."""
    event = created(said("x" * 900_000))
    await _send_each(target, target.some(100), (event for _ in range(target.some(2_000))))


async def small_items(target: Target) -> None:
    """Items at the root, as many as may be, with metadata of their own."""
    events = (
        json.dumps({"type": "conversation.item.create", "previous_item_id": "root", "item": said(f"{n}")}).encode()
        for n in range(target.some(20_000))
    )
    await _send_each(target, 2, events)


async def many_parts(target: Target) -> None:
    """Items of many empty parts: few bytes on the wire, many objects in memory."""
    part = {"type": "input_text", "text": ""}
    event = created({"type": "message", "role": "user", "content": [part] * 20_000})
    await _send_each(target, 4, (event for _ in range(target.some(400))))


async def big_instructions(target: Target) -> None:
    """Instructions of 15 MB in each of twenty sessions."""
    session = {"type": "realtime", "instructions": "x" * BIG}
    event = json.dumps({"type": "session.update", "session": session}).encode()
    await _send_each(target, 20, (event for _ in range(target.some(40))))


async def many_tools(target: Target) -> None:
    """Updates with 80,000 tools, and with one whose schema is deep and wide."""
    tools = [{"type": "function", "name": f"f{n}", "parameters": {}} for n in range(80_000)]
    schema: Any = {"type": "string"}
    for _ in range(7):
        schema = {"anyOf": [schema] * 5}
    deep = [{"type": "function", "name": "f", "parameters": {"properties": {"a": schema}}}]
    events = [
        json.dumps({"type": "session.update", "session": {"type": "realtime", "tools": some}}).encode()
        for some in (tools, deep)
    ]
    await _send_each(target, 2, (events[number % 2] for number in range(target.some(40))))


async def many_updates(target: Target) -> None:
    """Updates as fast as they are taken, each with some tools and instructions."""
    tools = [{"type": "function", "name": f"f{n}", "parameters": {}} for n in range(50)]
    session = {"type": "realtime", "tools": tools, "instructions": "x" * 10_000}
    event = json.dumps({"type": "session.update", "session": session}).encode()
    await _send_each(target, 4, (event for _ in range(target.some(20_000))))


async def audio_buffers(target: Target) -> None:
    """Audio that is appended and never committed."""
    off = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    update = json.dumps({"type": "session.update", "session": off}).encode()
    audio = appended(_NOISE * 10)
    await _send_each(target, 10, (update if n < 10 else audio for n in range(target.some(4_000))))


async def big_appends(target: Target) -> None:
    """Appends of 11 MiB, heard by the detector."""
    audio = appended(bytes(11 * MIB))
    await _send_each(target, 4, (audio for _ in range(target.some(40))))


async def noise(target: Target) -> None:
    """Noise that is committed as a turn again and again, and transcribed."""

    async def one(_: int) -> None:
        link = await target.session()
        session = {"type": "realtime", "audio": {"input": {"transcription": {"model": "m"}, "turn_detection": None}}}
        async with target.reading(link):
            await link.send({"type": "session.update", "session": session})
            while target.goes_on:
                await link.send(appended(_NOISE))
                await link.send({"type": "input_audio_buffer.commit"})
                target.outcome["turns"] += 1

    await target.again(target.some(8), one)


async def unfinished_messages(target: Target) -> None:
    """A message of 15 MiB without its last byte in each of fifty sessions, which stay."""
    most = frame(b"x" * (BIG - 1), length=BIG)

    async def one(_: int) -> None:
        link = await target.session()
        await link.write(most)
        target.outcome["messages"] += 1
        await link.read_on()

    await target.crowd(target.some(50), one)
    await target.hold()


async def tiny_fragments(target: Target) -> None:
    """Messages of a great many fragments of one byte, and of none, that do not end."""
    many = (frame(b"x", opcode=0, fin=False) + frame(b"", opcode=0, fin=False)) * 5_000

    async def one(_: int) -> None:
        link = await target.session()
        await link.write(frame(b"x", fin=False))
        while target.goes_on:
            await link.write(many)
            target.outcome["fragments"] += 10_000
            await asyncio.sleep(0.02)

    await target.again(target.some(20), one)


async def secrets(target: Target) -> None:
    """Client secrets of nearly 1 MB each."""
    body = secret_body(900_000)

    async def one(_: int) -> None:
        link = await target.dial()
        await link.write(target.post("/v1/realtime/client_secrets", len(body), "Connection: close"), body)
        await link.head()
        target.outcome[f"status {link.status}"] += 1
        await link.reader.read()
        link.abort()

    while target.goes_on and target.outcome["status 200"] < target.some(1_000):
        await target.crowd(4, one)
    await target.hold()


# --- what is read slowly ----------------------------------------------------------------------------------------------


async def slow_readers(target: Target) -> None:
    """Sessions that ask for the audio of an item again and again, and read nothing."""

    async def one(_: int) -> None:
        link = await target.session()
        part = {"type": "input_audio", "audio": base64.b64encode(_NOISE * 10).decode()}
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
        part = {"type": "input_audio", "audio": base64.b64encode(_NOISE * 60).decode()}
        await link.send(created({"id": "loud", "type": "message", "role": "user", "content": [part]}))
        async with target.reading(link):
            while target.goes_on:
                await link.send({"type": "conversation.item.retrieve", "item_id": "loud"})
                target.outcome["asked"] += 1

    await target.again(target.some(6), one)


# --- what is computed -------------------------------------------------------------------------------------------------


def _ask(text: str, *tools: dict[str, Any], choice: str = "required") -> dict[str, Any]:
    """A response out of band to these words."""
    response = {"conversation": "none", "input": [said(text)], "output_modalities": ["text"]}
    return {"type": "response.create", "response": {**response, "tools": list(tools), "tool_choice": choice}}


_TOOL: Final = {
    "type": "function",
    "name": "f",
    "description": "d",
    "parameters": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}}},
}


async def patterns(target: Target) -> None:
    """Words that patterns with two ways to match read for ever."""
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
    await _send_each(target, 3, (events[number % len(events)] for number in range(target.some(60))))


async def middling_json(target: Target) -> None:
    """The same in messages of 250 kB, many of them: below most limits."""
    texts = (
        '{"type":"unknown","x":[' + ",".join(["0"] * 120_000) + "]}",
        '{"type":"unknown","x":[' + ",".join(["[[]]"] * 50_000) + "]}",
        '{"type":"unknown","x":{' + ",".join(f'"k{n}":0' for n in range(18_000)) + "}}",
        '{"type":"session.update","session":{"type":"realtime","x":[' + ",".join(["{}"] * 80_000) + "]}}",
        json.dumps(
            {"type": "conversation.item.create", "item": {**said(""), "content": [{"type": "input_text"}] * 9_000}}
        ),
    )
    events = [text.encode() for text in texts]
    await _send_each(target, 6, (events[number % len(events)] for number in range(target.some(3_000))))


async def responses(target: Target) -> None:
    """Responses out of band without end, over a conversation of many items."""

    async def one(_: int) -> None:
        link = await target.session()
        async with target.reading(link):
            for number in range(target.some(3_000)):
                await link.send(created(said(f"word {number}")))
            while target.goes_on:
                await link.send({"type": "response.create", "response": {"conversation": "none"}})
                target.outcome["asked"] += 1

    await target.again(target.some(4), one)


async def wide_inputs(target: Target) -> None:
    """Responses out of band whose own input is large, sixteen at a time."""
    ask = _ask("x", _TOOL, choice="auto")
    ask["response"]["input"] = [said("x" * 100)] * 5_000
    event = json.dumps(ask).encode()
    await _send_each(target, 3, (event for _ in range(target.some(300))))


async def counting(target: Target) -> None:
    """Long spoken answers, begun and cancelled."""

    async def one(_: int) -> None:
        link = await target.session()
        async with target.reading(link):
            while target.goes_on:
                await link.send(created(said("Count slowly from one to one hundred.")))
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
                await link.send(created({**said("x"), evil: 1}))
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
