"""Attacks by hostile MCP servers and language models, which the owner of a session or the operator has named."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, TypeAlias

from bench._abuse_wire import AttackConnection, Target, created, user_item

__all__ = ["asked_of_peer", "each", "llm", "mcp", "mcp_labels", "mcp_off", "mcp_servers"]

Attack: TypeAlias = Callable[[Target], Awaitable[None]]


def _server(target: Target, mode: str, label: str = "a") -> dict[str, Any]:
    url = f"{target.peer}/mcp/{mode}"
    return {
        "type": "mcp",
        "server_label": label,
        "server_url": url,
        "authorization": "secret",
        "require_approval": "never",
    }


async def asked_of_peer(target: Target) -> dict[str, int]:
    """The hostile server's requests, counted by mode and method."""
    host, _, port = target.peer.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(b"GET /counts HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        counts: dict[str, int] = json.loads(await reader.readuntil(b"}"))
        return counts
    finally:
        writer.close()


def _look_for_redirects(target: Target, before: dict[str, int], after: dict[str, int]) -> None:
    if any("private" in name for name, number in after.items() if number > before.get(name, 0)):
        target.faults.append("a redirect led the server to a page that is not permitted")


async def _call(link: AttackConnection) -> None:
    """Have the responder call the tool."""
    await link.send(created(user_item("Call the tool echo.")))
    await link.send({"type": "response.create", "response": {"output_modalities": ["text"], "tool_choice": "required"}})


def mcp(mode: str, sessions: int = 2) -> Attack:
    """Sessions that offer the tools of a server of this mode, and call them, again and again."""

    async def attack(target: Target) -> None:
        before = await asked_of_peer(target)

        async def one(_: int) -> None:
            link = await target.session()
            try:
                tools = [_server(target, mode)]
                await link.send({"type": "session.update", "session": {"type": "realtime", "tools": tools}})
                while target.goes_on:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(1.5):
                            listed = await link.event("mcp_list_tools.completed", "mcp_list_tools.failed")
                            target.outcome[listed["type"]] += 1
                    async with target.reading(link):
                        await _call(link)
                        target.outcome["calls"] += 1
                        await asyncio.sleep(0.5)
            finally:
                link.abort()

        try:
            await target.again(target.some(sessions), one)
        finally:
            after = await asked_of_peer(target)
            for name, number in after.items():
                if number > before.get(name, 0) and (mode in name or "private" in name):
                    target.outcome[f"peer: {name}"] += number - before.get(name, 0)
            _look_for_redirects(target, before, after)

    return attack


async def mcp_servers(target: Target) -> None:
    """Three hundred servers in one frame, five times, by other labels and paths."""
    link = await target.session()
    async with target.reading(link):
        for number in range(5):
            tools = [_server(target, f"honest/{number}/{n}", f"a{number}-{n}") for n in range(300)]
            await link.send({"type": "session.update", "session": {"type": "realtime", "tools": tools}})
            target.outcome["servers"] += 300
            await asyncio.sleep(0.3)
        await target.hold()


async def mcp_off(target: Target) -> None:
    """Fifty updates with a hundred servers each, where none is permitted."""
    link = await target.session()
    async with target.reading(link):
        for number in range(50):
            tools = [_server(target, f"honest/{n}", f"a{number}-{n}") for n in range(100)]
            await link.send({"type": "session.update", "session": {"type": "realtime", "tools": tools}})
            target.outcome["servers"] += 100
        await target.hold()


async def mcp_labels(target: Target) -> None:
    """A server whose address, label and headers are new in each update."""
    link = await target.session()
    number = 0
    async with target.reading(link):
        while target.goes_on:
            number += 1
            tool = {**_server(target, f"honest/{number}", f"a{number}"), "headers": {"x-number": "y" * 50_000}}
            await link.send({"type": "session.update", "session": {"type": "realtime", "tools": [tool]}})
            target.outcome["servers"] += 1
            await asyncio.sleep(0.02)


def llm(mode: str) -> Attack:
    """Responses by a language model of this mode, and calls of functions where it asks for them."""

    async def attack(target: Target) -> None:
        before = await asked_of_peer(target)
        tool = {"type": "function", "name": "f", "parameters": {"type": "object"}}

        async def one(_: int) -> None:
            link = await target.session()
            try:
                await link.send({"type": "session.update", "session": {"type": "realtime", "tools": [tool]}})
                await link.send(created(user_item(f"mode {mode}")))
                while target.goes_on:
                    await link.send({"type": "response.create", "response": {"output_modalities": ["text"]}})
                    target.outcome["asked"] += 1
                    with suppress(TimeoutError):
                        async with asyncio.timeout(2):
                            done = await link.event("response.done")
                            target.outcome[str(done.get("response", {}).get("status"))] += 1
            finally:
                link.abort()

        try:
            await target.again(target.some(2), one)
        finally:
            _look_for_redirects(target, before, await asked_of_peer(target))

    return attack


def each(kind: Callable[[str], Attack], modes: Iterable[str]) -> Attack:
    """A session or two for each of these modes, at the same time."""

    async def attack(target: Target) -> None:
        await asyncio.gather(*(kind(mode)(target) for mode in modes))

    return attack
