"""A client is told why in the way that the server in front allows."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.server.refused_handshakes import refuse, send_rejection, send_wrong_path, subprotocol_of
from duologue.server.rejections import Rejection
from duologue.transports.asgi import ADMISSION, ASGITransport
from tests.server._scopes import scope

OURS: dict[str, Any] = {"extensions": {ADMISSION: {}, "websocket.http.response": {}}}


class Front:
    """An ASGI server: it hands over a handshake, and keeps what the application sends."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(self, message: Any) -> None:
        self.sent.append(dict(message))

    @property
    def kinds(self) -> list[str]:
        return [message["type"].removeprefix("websocket.") for message in self.sent]


@pytest.mark.parametrize(
    ("others", "kinds"), [(OURS, ["http.response.start", "http.response.body"]), ({}, ["accept", "send", "close"])]
)
async def test_a_status_where_it_can_be_sent_and_else_an_error_and_a_close(
    others: dict[str, Any], kinds: list[str]
) -> None:
    front = Front()
    await refuse(Rejection("no_key"), '{"type":"error"}', scope(**others), front.receive, front.send)
    assert front.kinds == kinds
    assert front.sent[0].get("status", 401) == 401


async def test_a_wrong_path_is_named_with_the_right_one() -> None:
    front = Front()
    await send_wrong_path(scope(path="/v1", **OURS), front.send)
    assert front.sent[0]["status"] == 404
    assert b"/v1/realtime" in front.sent[1]["body"]
    plain = Front()
    await send_wrong_path(scope(path="/v1"), plain.send)
    assert plain.sent == [{"type": "websocket.close", "code": 1008, "reason": "the path is /v1/realtime"}]


async def test_a_rejection_is_an_error_and_its_close() -> None:
    front = Front()
    transport = ASGITransport(front.receive, front.send)
    await transport.accept(None)
    await send_rejection(transport, Rejection("full"), new_id=lambda kind: f"{kind}_1")
    assert front.kinds == ["accept", "send", "close"]
    assert '"server_overloaded"' in front.sent[1]["text"]
    assert front.sent[2]["code"] == 1013


def test_the_first_known_subprotocol_of_ours_is_accepted() -> None:
    assert subprotocol_of(scope(subprotocols=["x", "realtime", "openai-live"])) == "openai-live"
    assert subprotocol_of(scope(subprotocols=["x"])) is None
