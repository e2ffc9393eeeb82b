"""What replicas put in front of Ray."""

from __future__ import annotations

from duologue.deploy.ray.ingress import OwnDisconnects
from duologue.transports.asgi import ASGIReceive, ASGISend, Scope

HEADER = b"x-request-disconnect-disabled"


async def _headers(kind: str, *headers: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    seen: list[tuple[bytes, bytes]] = []

    async def application(scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        seen.extend(scope["headers"])

    async def receive() -> dict[str, object]:
        return {}

    async def send(message: object) -> None:
        pass

    await OwnDisconnects(application)({"type": kind, "headers": list(headers)}, receive, send)
    return seen


async def test_ray_does_not_read_ahead_what_websockets_send() -> None:
    assert await _headers("websocket", (b"host", b"h")) == [(b"host", b"h"), (HEADER, b"?1")]
    assert await _headers("websocket", (HEADER, b"?0")) == [(HEADER, b"?1")]


async def test_it_still_looks_for_the_end_of_requests_over_http() -> None:
    assert await _headers("http", (b"host", b"h")) == [(b"host", b"h")]
