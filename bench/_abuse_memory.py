"""Attacks with a key by what is kept: items, configurations, audio, secrets, unfinished messages."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any, Final

from bench._abuse_connections import secret_body
from bench._abuse_wire import MIB, NOISE, AttackConnection, Target, appended, created, frame, user_item

BIG: Final = 15 * MIB


async def send_each(target: Target, sessions: int, events: Iterator[bytes]) -> None:
    """These events, over so many sessions, each in turn."""
    links: list[AttackConnection] = []

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
        {**json.loads(created(user_item(text))), "event_id": "e" * 600},
        {**json.loads(created(user_item(text))), "previous_item_id": "none of these"},
        {"type": "conversation.item.create", "item": {**user_item(text), "role": "robot"}},
    ]
    frames = [json.dumps(event).encode() for event in refused]
    await send_each(target, 2, (frames[number % 4] for number in range(target.some(60))))


async def big_texts(target: Target) -> None:
    """Items of 15 MB of text in one session."""
    event = created(user_item("x" * BIG))
    await send_each(target, 1, (event for _ in range(target.some(30))))


async def emoji_texts(target: Target) -> None:
    """The same with a character that makes Python store four bytes for each."""
    event = created(user_item("🙂" + "x" * BIG))
    await send_each(target, 1, (event for _ in range(target.some(30))))


async def big_images(target: Target) -> None:
    """Items of 11 MB of image, as base64."""
    url = "data:image/png;base64," + base64.b64encode(b"\x89PNG" * (11 * MIB // 4)).decode()
    part = {"type": "input_image", "image_url": url}
    event = created({"type": "message", "role": "user", "content": [part]})
    await send_each(target, 1, (event for _ in range(target.some(30))))


async def fitting_texts(target: Target) -> None:
    """Items of 3.9 MB and less, in a session for each kind: below a limit for one item or event, however many."""
    url = "data:image/png;base64," + base64.b64encode(b"\x89PNG" * 700_000).decode()
    image: dict[str, Any] = {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": url}]}
    items: list[dict[str, Any]] = [
        user_item("x" * 3_900_000),
        user_item("🙂" + "x" * 900_000),
        image,
        user_item("🙂" + "x" * 90_000),
    ]
    events = [created(item) for item in items]
    await send_each(target, 4, (events[number % 4] for number in range(target.some(400))))


async def fitting_texts_everywhere(target: Target) -> None:
    """The same in sixty sessions: the share of one key."""
    events = [created(user_item("x" * 3_900_000)), created(user_item("🙂" + "x" * 450_000))]
    await send_each(target, target.some(60), (events[number % 2] for number in range(target.some(1_000))))


async def fitting_refusals(target: Target) -> None:
    """Events of 3.9 MB that are refused for their content, not for their size."""
    text = "x" * 3_900_000
    item = user_item(text)
    refused: list[dict[str, Any]] = [
        {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "no", "output": text}},
        {"type": "conversation.item.create", "item": item, "event_id": "e" * 600},
        {"type": "conversation.item.create", "item": item, "previous_item_id": "none of these"},
        {"type": "conversation.item.create", "item": {**item, "role": "robot"}},
        {"type": "session.update", "session": {"type": "realtime", "instructions": text, "voice": 5}},
        {"type": "response.create", "response": {"input": [item], "max_output_tokens": -1}},
        {"type": text},
    ]
    frames = [json.dumps(event).encode() for event in refused]
    await send_each(target, 2, (frames[number % len(frames)] for number in range(target.some(300))))


async def fitting_tools(target: Target) -> None:
    """Updates, responses and items of as many tools, parts and values as just pass."""
    tools = [{"type": "function", "name": f"f{n}", "parameters": {"type": "object"}} for n in range(450)]
    schema = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(1_500)}}
    wide = [{"type": "function", "name": "f", "parameters": schema}]
    part = {"type": "input_text", "text": "x"}
    events = [
        {"type": "session.update", "session": {"type": "realtime", "tools": tools}},
        {"type": "session.update", "session": {"type": "realtime", "tools": wide}},
        {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [part] * 450}},
        {"type": "response.create", "response": {"conversation": "none", "input": [user_item("x")] * 225}},
        {"type": "response.create", "response": {"conversation": "none", "tools": tools[:225]}},
        {"type": "response.create", "response": {"conversation": "none", "metadata": {"a": "x" * 400}}},
    ]
    frames = [json.dumps(event).encode() for event in events]
    await send_each(target, 4, (frames[number % len(frames)] for number in range(target.some(2_000))))


def _calls_and_outputs(number: int, output: str) -> Iterator[bytes]:
    for index in range(number):
        call = {"type": "function_call", "call_id": f"c{index}", "name": "f", "arguments": "{}"}
        yield created(call)
        yield created({"type": "function_call_output", "call_id": f"c{index}", "output": output})


async def big_outputs(target: Target) -> None:
    """Outputs of functions of 15 MB."""
    await send_each(target, 1, _calls_and_outputs(target.some(30), "x" * BIG))


async def items_in_many_sessions(target: Target) -> None:
    """An item of 900 kB in each of a hundred sessions, again and again: what one session may have, times sessions."""
    event = created(user_item("x" * 900_000))
    await send_each(target, target.some(100), (event for _ in range(target.some(2_000))))


async def small_items(target: Target) -> None:
    """Items at the root, as many as may be, with metadata of their own."""
    events = (
        json.dumps({"type": "conversation.item.create", "previous_item_id": "root", "item": user_item(f"{n}")}).encode()
        for n in range(target.some(20_000))
    )
    await send_each(target, 2, events)


async def many_parts(target: Target) -> None:
    """Items of many empty parts: few bytes on the wire, many objects in memory."""
    part = {"type": "input_text", "text": ""}
    event = created({"type": "message", "role": "user", "content": [part] * 20_000})
    await send_each(target, 4, (event for _ in range(target.some(400))))


async def big_instructions(target: Target) -> None:
    """Instructions of 15 MB in each of twenty sessions."""
    session = {"type": "realtime", "instructions": "x" * BIG}
    event = json.dumps({"type": "session.update", "session": session}).encode()
    await send_each(target, 20, (event for _ in range(target.some(40))))


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
    await send_each(target, 2, (events[number % 2] for number in range(target.some(40))))


async def many_updates(target: Target) -> None:
    """Updates as fast as they are taken, each with some tools and instructions."""
    tools = [{"type": "function", "name": f"f{n}", "parameters": {}} for n in range(50)]
    session = {"type": "realtime", "tools": tools, "instructions": "x" * 10_000}
    event = json.dumps({"type": "session.update", "session": session}).encode()
    await send_each(target, 4, (event for _ in range(target.some(20_000))))


async def audio_buffers(target: Target) -> None:
    """Audio that is appended and never committed."""
    off = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    update = json.dumps({"type": "session.update", "session": off}).encode()
    audio = appended(NOISE * 10)
    await send_each(target, 10, (update if n < 10 else audio for n in range(target.some(4_000))))


async def big_appends(target: Target) -> None:
    """Appends of 11 MiB, which the detector reads."""
    audio = appended(bytes(11 * MIB))
    await send_each(target, 4, (audio for _ in range(target.some(40))))


async def noise(target: Target) -> None:
    """Noise that is committed as a turn again and again, and transcribed."""

    async def one(_: int) -> None:
        link = await target.session()
        session = {"type": "realtime", "audio": {"input": {"transcription": {"model": "m"}, "turn_detection": None}}}
        async with target.reading(link):
            await link.send({"type": "session.update", "session": session})
            while target.goes_on:
                await link.send(appended(NOISE))
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
