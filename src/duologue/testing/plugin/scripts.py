"""Fixture: a server that plays a script, and complains at the end of the test if the client did not follow it.

def test_my_client(scripted_server):
    server = scripted_server([Send(GREETING), Expect("response.create"), Drop()])
    my_client(server.url)
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from duologue.testing.plugin.artifacts import attach, has_failed
from duologue.testing.plugin.faults import faults_of

if TYPE_CHECKING:
    from duologue.faults import FaultPlan
    from duologue.testing.scripted_server import ScriptStep
    from duologue.testing.served import ServedScript, ServerThread

__all__ = ["ScriptEvidence", "ScriptedServers", "scripted_server"]

_VIRTUAL_TIME: Final = "virtual_time"


class ScriptedServers:
    """Makes scripted servers for one test: `scripted_server(script_of_first_connection, script_of_second, …)`."""

    def __init__(self, thread: Callable[[], ServerThread], faults: FaultPlan | None = None) -> None:
        self._thread = thread
        self._faults = faults
        self.made: list[ServedScript] = []

    def __call__(self, *scripts: Sequence[ScriptStep]) -> ServedScript:
        """A server: `.url` for any client, `.connect` for `converse(open_connection=…)`."""
        from duologue.testing.served import ServedScript

        server = ServedScript(*scripts, thread=self._thread, faults=self._faults)
        self.made.append(server)
        return server


class ScriptEvidence:
    """What passed on the connections of scripted servers."""

    def __init__(self, servers: ScriptedServers) -> None:
        self._servers = servers

    def sections(self) -> list[tuple[str, str]]:
        """The conversation of each server, and what was wrong with it."""
        return [
            (f"duologue scripted server {number}", "\n".join([*server.problems(), server.timeline()]))
            for number, server in enumerate(self._servers.made, 1)
        ]

    def save(self, folder: Path) -> list[Path]:
        """Nothing: the script is in the test."""
        return []

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def scripted_server(request: pytest.FixtureRequest) -> Generator[ScriptedServers, None, None]:
    """Call it with scripts, one for each connection, to get a `ScriptedServer`: `.url`, `.connect`, `.received` …

    After the test each client must have done what its script expects, and each script must have been played to its end.
    """
    servers = ScriptedServers(partial(_thread, request), faults_of(request.node))
    attach(request.node, ScriptEvidence(servers))
    yield servers
    for server in servers.made:
        server.close()
    # A script whose connection was broken on purpose need not be over.
    wrong = [server for server in servers.made if not server.plan.fired and server.problems()]
    if wrong and not has_failed(request.node):  # else its report has the conversation already
        told = (line for server in wrong for line in (*server.problems(), "what passed:", server.timeline()))
        pytest.fail("\n".join(told), pytrace=False)


def _thread(request: pytest.FixtureRequest) -> ServerThread:
    """The thread that listens. A script that is played in memory needs none, and may be in virtual time."""
    if request.node.get_closest_marker(_VIRTUAL_TIME) is not None or "virtual_clock" in request.fixturenames:
        raise pytest.fail.Exception(
            "`.url` listens in a thread, where time is real: in virtual time take `.connect`,"
            " or `async with server.listening() as url`",
            pytrace=False,
        )
    thread: ServerThread = request.getfixturevalue("duologue_thread")
    return thread
