"""A service that notes what it is asked, and answers all the same way."""

from __future__ import annotations

import json
from typing import Any

from duologue.transports.asgi import ASGIReceive, ASGISend, Scope


class Service:
    """An ASGI application; `asked` has paths, headers and bodies."""

    def __init__(self, status: int = 200, answer: str = "") -> None:
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self._status = status
        self._answer = answer.encode()

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        body: bytes = (await receive()).get("body", b"")
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append((scope["raw_path"].decode(), headers, json.loads(body) if body else None))
        await send({"type": "http.response.start", "status": self._status, "headers": []})
        await send({"type": "http.response.body", "body": self._answer})
