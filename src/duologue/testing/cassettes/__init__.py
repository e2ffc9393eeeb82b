"""Recorded calls that are played as a server: to any client, in any process, without the server.

async with cassette_server("call.jsonl") as url, converse(url) as conversation: …

`docs/howto/cassettes.md` is about it, and about the fixture `realtime_cassette` of the plugin for pytest.
"""

from __future__ import annotations

from duologue.testing.cassettes.blocked_sockets import SocketBlocked, blocked_sockets
from duologue.testing.cassettes.player import Match
from duologue.testing.cassettes.server import CassetteServer, RecordMode, cassette_server, open_cassette

__all__ = [
    "CassetteServer",
    "Match",
    "RecordMode",
    "SocketBlocked",
    "blocked_sockets",
    "cassette_server",
    "open_cassette",
]
