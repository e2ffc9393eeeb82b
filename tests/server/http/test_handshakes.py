from __future__ import annotations

import pytest

from duologue.server.http.handshakes import refuse, send_refusal, send_rejection, send_wrong_path, subprotocol_of
from duologue.server.rejections import Rejection
from duologue.transports.asgi import ADMISSION, ASGITransport, Scope
from tests.server._scopes import scope

OWN_SERVER: dict[str, object] = {"extensions": {ADMISSION: {}, "websocket.http.response": {}}}


class Server:
    """An ASGI server that notes what it is sent."""

    def __init__(self) -> None:
        self.sent: list[Scope] = []

    async def receive(self) -> Scope:
        return {"type": "websocket.connect"}

    async def send(self, message: Scope) -> None:
        self.sent.append(message)


@pytest.mark.parametrize(
    ("offered", "accepted"),
    [([], None), (["x", "realtime"], "realtime"), (["realtime", "openai-live"], "openai-live"), (["x"], None)],
)
def test_the_known_sub_protocol_is_accepted(offered: list[str], accepted: str | None) -> None:
    assert subprotocol_of({**scope(), "subprotocols": offered}) == accepted


async def test_where_the_server_can_a_refusal_is_the_status_of_the_handshake() -> None:
    server = Server()
    await refuse(Rejection("full"), "{}", {**scope(), **OWN_SERVER}, server.receive, server.send)
    assert [each.get("status") for each in server.sent] == [503, None]


async def test_a_refusal_without_words_is_the_status_or_a_close_before_the_handshake() -> None:
    for extensions, types in (
        (OWN_SERVER, ["websocket.http.response.start", "websocket.http.response.body"]),
        ({}, ["websocket.close"]),
    ):
        server = Server()
        await send_refusal(Rejection("unsigned_call"), {**scope(), **extensions}, server.send)
        assert [each["type"] for each in server.sent] == types
        assert server.sent[0].get("status", 403) == 403


async def test_elsewhere_it_is_an_error_and_a_close() -> None:
    server = Server()
    await refuse(Rejection("full"), "{}", scope(), server.receive, server.send)
    assert [each["type"] for each in server.sent] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert (server.sent[1]["text"], server.sent[2]["code"]) == ("{}", 1013)


async def test_a_rejection_after_the_handshake_is_an_error_and_a_close() -> None:
    server = Server()
    transport = ASGITransport(server.receive, server.send)
    await transport.accept(None)
    await send_rejection(transport, Rejection("wrong_key"), new_id=lambda kind: f"{kind}_1")
    assert "invalid_api_key" in server.sent[1]["text"]
    assert server.sent[2]["code"] == 3000


@pytest.mark.parametrize("extensions", [OWN_SERVER, {}])
async def test_a_wrong_path_is_told_the_right_one(extensions: dict[str, object]) -> None:
    server = Server()
    await send_wrong_path({**scope(), "path": "/v2", **extensions}, server.send)
    assert "/v1/realtime" in str(server.sent)
