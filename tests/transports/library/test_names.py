"""What we use of the inside of the WebSocket library and of uvicorn, against the versions that are installed.

Neither promises these names. To read a name that is gone raises an error. To assign to one limits nothing, and a
method of ours that overrides one that is gone is never called: neither raises an error.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import h11
import pytest
import uvicorn
import websockets.version
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect
from websockets.asyncio.server import ServerConnection
from websockets.client import ClientProtocol
from websockets.exceptions import PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from duologue.faults.sockets import FarConnecting, FarConnection, NearConnection
from duologue.server.run import uvicorn_http, uvicorn_websocket
from duologue.server.run.edge import edge_config
from duologue.server.run.uvicorn_http import Requests
from duologue.server.run.uvicorn_websocket import Socket
from duologue.transports import liveness, websocket
from duologue.transports.library.handshake_trace import TracedConnection
from duologue.transports.library.names import (
    MESSAGE_LIMIT,
    MESSAGE_SIZE,
    SEND_IN_PROGRESS,
    forget_fragments,
    fragment_bytes,
    is_sending,
    limit_messages,
)
from duologue.transports.websocket import _Connecting
from tests.server._listening import scripted_app

WHERE: Final = "src/duologue/transports/library/names.py"
VERSIONS: Final = f"websockets {websockets.version.version} and uvicorn {uvicorn.__version__}"


def used_of(module: ModuleType, *owners: str) -> set[str]:
    """The attributes that a module uses of what it calls by these names: `conn`, `self.conn`."""
    tree = ast.parse(Path(inspect.getfile(module)).read_text(encoding="utf-8"))
    found = (each for each in ast.walk(tree) if isinstance(each, ast.Attribute))
    return {each.attr for each in found if ast.unparse(each.value) in owners}


def check_has(thing: object, names: set[str]) -> None:
    """Fail with a sentence if the thing lacks one of the names."""
    assert names, "nothing is used any more: the test looks in the wrong place"
    lacking = sorted(name for name in names if not hasattr(thing, name))
    kind = thing.__name__ if inspect.isclass(thing) else type(thing).__name__
    assert not lacking, f"duologue uses {lacking} of {kind}, which has no such thing in {VERSIONS}: see {WHERE}"


async def test_the_server_s_parser_has_what_is_used_of_it() -> None:
    parser = ServerProtocol()
    names = used_of(uvicorn_websocket, "conn", "self.conn") | {MESSAGE_LIMIT, MESSAGE_SIZE}
    assert {"reader", "parser", "parser_exc", "fail"} <= names
    check_has(parser, names)
    check_has(parser.reader, used_of(uvicorn_websocket, "conn.reader", "self.conn.reader"))
    check_has(parser.parser, used_of(uvicorn_websocket, "self.conn.parser"))
    check_has(parser.reader.buffer, {"clear", "__len__"})


async def test_connections_of_the_client_have_what_is_used_of_them() -> None:
    connection = ClientConnection(ClientProtocol(parse_uri("ws://localhost/")))
    of_transport = used_of(websocket, "socket", "self._socket")
    assert {"protocol", "paused", "ping"} <= of_transport
    # `transport` is there when the connection is made.
    check_has(connection, (of_transport | used_of(liveness, "self._socket") | {SEND_IN_PROGRESS}) - {"transport"})
    assert not is_sending(connection)
    setattr(connection, SEND_IN_PROGRESS, object())
    assert is_sending(connection)


async def test_what_uvicorn_s_protocols_set_and_ours_read_is_there() -> None:
    config = edge_config(scripted_app())
    config.load()
    for module, ours, base in (
        (uvicorn_websocket, Socket, WebSocketsSansIOProtocol),
        (uvicorn_http, Requests, H11Protocol),
    ):
        theirs = base(config, ServerState(), {})
        own = set(vars(ours(config, ServerState(), {}))) - set(vars(theirs)) | set(vars(ours))
        # The parser of HTTP stands in the same module; `response`, `scope` and the like come with a request.
        later = {"scope", "response", "request", "flow"} | set(vars(uvicorn_http._Parser(config.edge.limits)))
        own |= set(dir(uvicorn_http._Parser)) | set(dir(uvicorn_http._Flow)) | {"_parser"}
        check_has(theirs, used_of(module, "self") - own - later)


@pytest.mark.parametrize(
    ("ours", "base", "own"),
    [
        (Socket, WebSocketsSansIOProtocol, {"abort", "check", "cut", "resume_parsing"}),
        (Requests, H11Protocol, {"abort", "check", "cut", "resume_parsing"}),
        (uvicorn_http._Flow, FlowControl, {"held"}),
        (uvicorn_http._Parser, h11.Connection, {"allow", "unparsed_bytes", "has_enough"}),
        (TracedConnection, ClientConnection, set[str]()),
        (NearConnection, ServerConnection, {"is_open"}),
        (FarConnection, ClientConnection, set[str]()),
        (_Connecting, websockets_connect, {"followed"}),
        (FarConnecting, websockets_connect, set[str]()),
    ],
    ids=lambda value: value.__name__ if inspect.isclass(value) else "",
)
def test_what_ours_override_is_there(ours: type, base: type, own: set[str]) -> None:
    defined = {name for name, value in vars(ours).items() if inspect.isfunction(value) or isinstance(value, property)}
    lacking = sorted(name for name in defined - own if not name.startswith("_") and not hasattr(base, name))
    assert not lacking, f"{ours.__name__} overrides {lacking}, which {VERSIONS} do not have"


def test_the_limit_that_is_set_is_the_one_that_holds() -> None:
    parser, frame = _open_parser(), Frame(Opcode.TEXT, b"x" * 100)
    limit_messages(parser, 99)
    parser.receive_data(frame.serialize(mask=True))
    assert isinstance(parser.parser_exc, PayloadTooBig), f"the limit of messages holds nothing in {VERSIONS}"
    parser = _open_parser()
    limit_messages(parser, 100)
    parser.receive_data(frame.serialize(mask=True))
    assert parser.parser_exc is None


def test_fragments_are_counted_until_the_last_has_come_or_they_are_forgotten() -> None:
    parser = _open_parser()
    assert fragment_bytes(parser) == 0
    for _ in range(2):
        parser.receive_data(Frame(Opcode.TEXT, b"x" * 30, fin=False).serialize(mask=True))
        assert fragment_bytes(parser) == 30
        parser.receive_data(Frame(Opcode.CONT, b"x" * 20, fin=False).serialize(mask=True))
        assert fragment_bytes(parser) == 50
        parser.receive_data(Frame(Opcode.CONT, b"").serialize(mask=True))
        assert fragment_bytes(parser) == 0
    parser.receive_data(Frame(Opcode.TEXT, b"x" * 30, fin=False).serialize(mask=True))
    forget_fragments(parser)
    assert fragment_bytes(parser) == 0


def test_a_name_that_is_gone_fails_with_a_sentence() -> None:
    with pytest.raises(AssertionError, match=r"duologue uses \['cur_sizes'\] of ServerProtocol, which has no"):
        check_has(ServerProtocol(), {"cur_sizes"})


def _open_parser() -> Any:
    parser = ServerProtocol()
    parser.receive_data(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    (request,) = parser.events_received()
    assert isinstance(request, Request)
    parser.send_response(parser.accept(request))
    return parser
