"""Attackers that offer MCP servers and use client secrets, and the healthy turn that uses a tool."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from random import Random
from typing import Any, Final, NamedTuple

from bench._hostile import MCP_MODES
from fuzz._frames import Frames

__all__ = ["HIDDEN", "Secrets", "asks_for_tool", "body", "is_over", "mcp_frames", "posted", "secret_of"]

HIDDEN: Final = "hush-hush"
"""Stands in each key that is meant for an MCP server alone: nothing that a client receives, and no log, may have it."""

_NOT_PERMITTED: Final = (
    "http://127.0.0.1:1/mcp",
    "https://user:word@example.invalid/mcp",
    "file:///etc/passwd",
    "",
)
_MAX_KEPT: Final = 64
"""Secrets that are kept to be used later: the newest."""


class Secret(NamedTuple):
    """A client secret that an attacker has been given."""

    value: str
    expires_at: float


class Secrets:
    """Those that attackers share."""

    def __init__(self) -> None:
        self._kept: list[Secret] = []

    def keep(self, secret: Secret) -> None:
        """Keep it, and drop the oldest if there are many."""
        self._kept = [*self._kept[-_MAX_KEPT:], secret]

    def any(self, chance: Random) -> Secret | None:
        """One of them."""
        return chance.choice(self._kept) if self._kept else None


def mcp_tool(peer: str, chance: Random, mode: str = "") -> dict[str, Any]:
    """An MCP server as a session names it: honest, hostile, or not permitted; its settings are shaken a little."""
    mode = mode or chance.choice(("honest", "honest", "honest", "fail", chance.choice(list(MCP_MODES))))
    url = chance.choice((f"{peer}/mcp/{mode}",) * 6 + _NOT_PERMITTED + (f"{peer}/other", f"{peer}/mcp/../other"))
    tool: dict[str, Any] = {
        "type": "mcp",
        "server_label": chance.choice(("a", "b", "a-b", f"label{chance.randrange(1000)}", "x" * 300)),
        "server_url": url,
        "authorization": f"{HIDDEN}-{chance.randrange(10)}",
        "headers": {"x-key": f"{HIDDEN}", "x-number": str(chance.randrange(10))},
        "require_approval": chance.choice(
            ("never", "never", "always", {"always": {"tool_names": ["echo"]}}, "perhaps")
        ),
    }
    if chance.random() < 0.3:
        tool["allowed_tools"] = chance.choice((["echo"], [], ["none"], {"read_only": True}, {"tool_names": ["echo"]}))
    if chance.random() < 0.2:
        del tool[chance.choice(list(tool))]
    return tool


def asks_for_tool(name: str = "") -> list[str]:
    """An item that has the responder call a tool, and the response to it."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": f"Call {name}".strip()}]}
    return [json.dumps({"type": "conversation.item.create", "item": item}), '{"type":"response.create"}']


def mcp_frames(peer: str, chance: Random, seen: list[str], waiting: list[str], frames: Frames) -> list[str | bytes]:
    """What a client with tools sends next: offers, calls, approvals of what waits, deletes of what runs."""
    match chance.randrange(9):
        case 0 | 1:
            tools = [mcp_tool(peer, chance) for _ in range(chance.choice((0, 1, 1, 2, 5)))]
            tools += [{"type": "function", "name": "f"}] * chance.randrange(2)
            return [json.dumps({"type": "session.update", "session": {"type": "realtime", "tools": tools}})]
        case 2 | 3:
            return [*asks_for_tool()]
        case 4 if waiting:
            approved = chance.random() < 0.7
            item = {"type": "mcp_approval_response", "approval_request_id": chance.choice(waiting), "approve": approved}
            again = chance.choice((1, 1, 2))
            return [json.dumps({"type": "conversation.item.create", "item": item})] * again
        case 5 if seen:
            # The newest: a call that runs, or a request that waits.
            place = chance.choice((seen[-1], chance.choice(seen)))
            return [json.dumps({"type": "conversation.item.delete", "item_id": place})]
        case 6:
            ask = {"conversation": "none", "tools": [mcp_tool(peer, chance)], "tool_choice": "required"}
            return [json.dumps({"type": "response.create", "response": ask})]
        case 7:
            return ['{"type":"response.cancel"}']
        case _:
            return [frames.next(seen)]


def body(peer: str, chance: Random, frames: Frames) -> bytes:
    """The body of a request for a client secret: as it should be, or shaken."""
    seconds = chance.choice((10, 10, 11, 600, 7200, 0, 7201, -1, 1e3, "10", None, True))
    session: dict[str, Any] = {
        "type": chance.choice(("realtime", "realtime", "realtime", "transcription", "nothing")),
        "instructions": "word " * chance.choice((0, 1, 1000)),
    }
    if chance.random() < 0.5:
        session["tools"] = [mcp_tool(peer, chance) for _ in range(chance.randrange(4))]
    asked: dict[str, Any] = {"session": session, "expires_after": {"anchor": "created_at", "seconds": seconds}}
    match chance.randrange(6):
        case 0:
            text = frames.next([])
            return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        case 1:
            text = json.dumps(asked)
            place = chance.randrange(len(text))
            return (text[:place] + chance.choice(("", "}", '"', "\x00", "[" * 50_000)) + text[place + 3 :]).encode()
        case 2:
            asked[chance.choice(("session", "expires_after", "model", "x"))] = chance.choice((None, [], "x", 5, {}))
            return json.dumps(asked).encode()
        case _:
            return json.dumps(asked).encode()


async def posted(url: str, path: str, content: bytes, key: str, chance: Random) -> tuple[int, bytes]:
    """Status and body of the answer to a POST, which may be sent in pieces and not to its end. 0: no answer."""
    host, _, port = url.removeprefix("ws://").partition("/")[0].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json", "Connection: close"]
    lines += [f"Authorization: Bearer {key}"] if key else []
    try:
        whole = chance.random() < 0.85
        if chance.random() < 0.3:
            head = "\r\n".join([*lines, "Transfer-Encoding: chunked"]) + "\r\n\r\n"
            pieces = [content[start : start + 1000] for start in range(0, len(content), 1000)]
            sent = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        else:
            head, sent = "\r\n".join([*lines, f"Content-Length: {len(content)}"]) + "\r\n\r\n", content
        writer.write(head.encode() + (sent if whole else sent[: len(sent) // 2]))
        if not whole:
            await asyncio.sleep(chance.random() * 0.2)
            return 0, b""
        answer = await reader.read(4 * 1024 * 1024)
        while piece := await reader.read(65536):
            answer += piece
        top, _, rest = answer.partition(b"\r\n\r\n")
        return (int(top.split(b" ", 2)[1]) if top else 0), rest
    finally:
        writer.transport.abort()


def secret_of(answer: bytes) -> Secret | None:
    """The client secret in an answer of either page."""
    with suppress(ValueError, KeyError, TypeError):
        made = json.loads(answer)
        made = made.get("client_secret", made)
        return Secret(made["value"], float(made["expires_at"]))
    return None


def is_over(secret: Secret) -> bool:
    """Whether it expired a while ago: clocks of a second's resolution are involved."""
    return time.time() > secret.expires_at + 2
