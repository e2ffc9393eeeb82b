"""Attacks with a key on Live sessions and on translation sessions."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any, Final

from bench._abuse_wire import MIB, NOISE, AttackConnection, Target, frame

_PATH: Final = "/v1/live/sessions"
_SILENCE: Final = base64.b64encode(bytes(48_000)).decode()
_LOUD: Final = base64.b64encode(NOISE).decode()
_LLM_MODES: Final = ("deltas", "calls", "call", "endless_line", "hang", "error_body", "honest")
_RESPONSES: Final = {"type": "responses", "responses": {"model": "m"}}

_LARGE: Final = {
    "type": "responses",
    "responses": {
        "model": "m",
        "tools": [{"type": "function", "name": f"f{n}", "description": "x" * 20_000} for n in range(100)],
    },
}
"""Nearly as much as a session may have."""


async def _open(target: Target, path: str) -> AttackConnection:
    """A connection to this path. Raises EOFError if it is refused."""
    link = await target.dial()
    await link.write(target.hello(path=path))
    await link.head()
    target.outcome[f"status {link.status}"] += 1
    if link.status != 101:
        link.abort()
        raise EOFError
    return link


async def _live(target: Target, **session: Any) -> tuple[AttackConnection, str]:
    """A Live session that has begun, and its id."""
    link = await _open(target, _PATH)
    await link.send({"type": "session.start", "session": {"model": "m", **session}})
    started = await link.event("session.started")
    if started["type"] == "error":
        link.abort()
        raise EOFError
    target.outcome["sessions"] += 1
    return link, started["session"]["id"]


def _append(encoded: str) -> dict[str, str]:
    return {"type": "session.input_audio.append", "audio": encoded}


async def live_floods(target: Target) -> None:
    """Recordings that are sent at once, clips, appends, typed input, updates and garbage, read by nobody or by all."""
    functions = [{"type": "function", "name": f"f{n}", "description": "\U0001f600" * 2_000} for n in range(30)]
    tools = {"type": "responses", "responses": {"model": "m", "tools": functions}}
    typed = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Count to a thousand."}]}
    recording = base64.b64encode(NOISE * 25).decode()
    floods: tuple[tuple[dict[str, Any], ...], ...] = (
        (_append(recording),),
        (_append(_SILENCE), {"type": "session.output_audio.fixture.play", "audio": recording}),
        ({"type": "session.commentary.append", "content": "\U0001f600 a " * 400}, _append(_SILENCE)),
        ({"type": "response.item.create", "item": typed}, {"type": "response.create"}, _append(_SILENCE)),
        ({"type": "session.update", "session": {"delegation": tools}},),
        ({"type": "session.input_audio.append", "audio": "A" * (8 * MIB)},),
        ({"type": "response.item.create", "item": {"type": "message", "content": [[[]]] * 1_500}},),
        ({"type": "session.thinking.append", "content": "x", "x" * MIB: {}},),
    )
    formats: tuple[dict[str, Any], ...] = ({"type": "audio/pcm"}, {"type": "audio/pcmu"})

    async def one(index: int) -> None:
        messages = [frame(json.dumps(event).encode()) for event in floods[index % len(floods)]]
        link = (await _live(target, delegation=_RESPONSES, audio={"format": formats[index // 8 % 2]}))[0]
        async with target.reading(link):
            while target.goes_on:
                await link.write(*messages)
                target.outcome["messages"] += len(messages)

    await target.again(target.some(16), one)


async def live_sidebands(target: Target) -> None:
    """More sidebands than a session takes, which read nothing and send what is answered with all of the settings."""
    update = {"type": "session.update", "session": {"delegation": _RESPONSES}}

    async def one(_: int) -> None:
        link, session_id = await _live(target, delegation=_LARGE)

        async def deaf(_: int) -> None:
            sideband = await _open(target, f"{_PATH}/{session_id}/attach")
            while target.goes_on:
                await sideband.send(update)
                target.outcome["updates"] += 1

        async with target.reading(link):
            crowd = asyncio.ensure_future(target.crowd(20, deaf))
            while target.goes_on:
                await link.send(_append(_LOUD))
                await asyncio.sleep(0.02)
            crowd.cancel()
            await asyncio.wait({crowd})

    await target.crowd(target.some(4), one)


async def live_stored(target: Target) -> None:
    """Sessions that are stored with as many settings as they may have, again and again."""

    async def one(_: int) -> None:
        link = (await _live(target, delegation=_LARGE, store=True))[0]
        await link.send({"type": "session.close"})
        await link.event("session.closed")
        target.outcome["stored"] += 1
        link.abort()

    await target.again(target.some(6), one)


async def live_strangers(target: Target) -> None:
    """Half-open sessions, and sidebands and forks of sessions that are not there."""

    async def one(index: int) -> None:
        verb = ("attach", "fork")[index // 2 % 2]
        await _open(target, _PATH if index % 2 else f"{_PATH}/live_%0d%0a%1b[31m{index}{'x' * 60}/{verb}")

    while target.goes_on:
        await target.crowd(20, one)


async def live_llm(target: Target) -> None:
    """Typed input to a language model that is hostile in each of these ways, and the calls of functions it asks for."""
    functions = [{"type": "function", "name": "f", "parameters": {"type": "object"}}]
    delegation = {"type": "responses", "responses": {"model": "m", "tools": functions}}

    async def one(index: int) -> None:
        link = (await _live(target, delegation=delegation))[0]
        mode = _LLM_MODES[index % len(_LLM_MODES)]
        item = {"type": "message", "role": "user", "content": f"mode {mode}"}
        async with target.reading(link):
            while target.goes_on:
                await link.send({"type": "response.item.create", "item": item})
                await link.send({"type": "response.create"})
                await link.send(_append(_SILENCE))
                target.outcome["asked"] += 1
                await asyncio.sleep(0.01)
        link.abort()

    await target.again(max(len(_LLM_MODES), target.some(16)), one)


async def translations(target: Target) -> None:
    """Long recordings of noise, settings without end, and sessions that are closed and not read."""

    async def one(index: int) -> None:
        link = await _open(target, "/v1/realtime/translations?model=m")
        await link.event("session.created")
        audio = base64.b64encode(NOISE * (60 if index % 3 else 1)).decode()
        settings = {"audio": {"input": {"transcription": {"model": "m"}}, "output": {"language": "de"}}}
        messages = [{"type": "session.input_audio_buffer.append", "audio": audio}]
        if index % 3 == 2:
            messages = [{"type": "session.update", "session": settings}] * 100  # type: ignore[dict-item]
        frames = [frame(json.dumps(message).encode()) for message in messages]
        if index % 2:
            await link.write(*frames)
            await link.send({"type": "session.close"})
            await target.hold()
        async with target.reading(link):
            while target.goes_on:
                await link.write(*frames)
                target.outcome["messages"] += len(frames)

    await target.again(target.some(9), one)
