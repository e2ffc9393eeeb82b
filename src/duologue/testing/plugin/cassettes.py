"""Fixture: a recorded call that is played as a server, or recorded through one, by any client.

@pytest.mark.realtime_cassette(ignore=["session.instructions"])
def test_my_client(realtime_cassette):
    my_client(realtime_cassette.url)

pytest                                                                              play
pytest --duologue-record=once --duologue-upstream=wss://api.example.com/v1/realtime  record what is missing
"""

from __future__ import annotations

import re
from collections.abc import Collection, Generator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from duologue.testing.plugin.artifacts import attach, has_failed
from duologue.testing.plugin.faults import faults_of

if TYPE_CHECKING:
    from duologue.faults import FaultPlan
    from duologue.testing.cassettes import CassetteServer
    from duologue.testing.served import ServerThread
    from duologue.testing.served.realtime_server import Held

__all__ = ["CassetteEvidence", "pytest_addoption", "pytest_configure", "pytest_terminal_summary", "realtime_cassette"]

_MARKER: Final = "realtime_cassette"
_RECORD: Final = "--duologue-record"
_UPSTREAM: Final = "--duologue-upstream"
_DAYS: Final = "--duologue-cassette-days"

_FOLDER: Final = "cassettes"
"""Beside the module of the tests."""

_KEYWORDS: Final = ("match", "ignore", "patience_s", "allow")

_RECORDED: Final = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """When cassettes are recorded, and from where."""
    group = parser.getgroup("duologue")
    group.addoption(
        _RECORD,
        choices=("none", "once", "new", "all"),
        default="none",
        help="what realtime_cassette records: none plays, once records missing files, new also further connections,"
        " all records anew (default: none)",
    )
    group.addoption(_UPSTREAM, metavar="URL", help="the server to record from, as in wss://api.example.com/v1/realtime")
    group.addoption(_DAYS, type=int, metavar="DAYS", help="warn of cassettes that are older")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(name, match='strict'|'types'|'order', ignore=[paths], patience_s=10, allow=[hosts]): the file that"
        " realtime_cassette plays, how the client's events are compared, which fields may differ, how long the client"
        " may be silent, and where else the test may connect to. A name that ends in .jsonl is a path from the module.",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell which files were recorded."""
    for line in config.stash.get(_RECORDED, []):
        terminalreporter.write_line(f"duologue: recorded {line}")


class CassetteEvidence:
    """How far a cassette was played."""

    def __init__(self, server: CassetteServer, attempts: list[str]) -> None:
        self._server = server
        self._attempts = attempts

    def sections(self) -> list[tuple[str, str]]:
        """What did not fit so far, and what was played."""
        lines = [*self._server.state(), *(f"blocked: a connection to {where}" for where in self._attempts)]
        return [("duologue cassette", "\n".join(lines))] if lines else []

    def save(self, folder: Path) -> list[Path]:
        """Nothing: the cassette is a file already."""
        return []

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def realtime_cassette(
    request: pytest.FixtureRequest, duologue_thread: ServerThread
) -> Generator[CassetteServer, None, None]:
    """A server that plays this test's cassette: `.url` is the URL of sessions, `.base_url` that of HTTP SDKs.

    The file is `cassettes/<module>/<test>.jsonl`. While it is played, the test cannot connect to anything else. After
    the test, the client must have sent what was recorded. `.is_recording` says whether it is being recorded.
    """
    from duologue.testing.cassettes import blocked_sockets

    name, keywords = _asked(request)
    path = _path(request, name)
    allow: Collection[str] = keywords.pop("allow", ())
    server = _server(request, path, keywords)
    held = duologue_thread.hold(server.listening)
    ports = [server.port]
    line = _faulty_line(faults_of(request.node), server, duologue_thread)
    attempts: list[str] = []
    attach(request.node, CassetteEvidence(server, attempts))
    with ExitStack() as blocked:
        if not server.is_recording:
            blocked.enter_context(blocked_sockets(*ports, server.port, allow=allow, attempts=attempts))
        yield server
    is_failed = has_failed(request.node)
    if is_failed:
        server.fail()
    if line is not None:
        line.release()
    held.release()
    # What a client does after a fault was not recorded: it may end before the recording does.
    faults = server.finish() if line is None else server.faults
    if faults and not is_failed:  # else its report has them already
        pytest.fail("\n".join([*faults, _how_to_record(request, "all")]), pytrace=False)
    if server.recorder is not None and server.recorder.summary:
        request.config.stash.setdefault(_RECORDED, []).append(server.recorder.summary)


def _faulty_line(plan: FaultPlan | None, server: CassetteServer, thread: ServerThread) -> Held[str] | None:
    """Have the server's URL lead over a line with these faults."""
    if plan is None:
        return None
    from duologue.faults.proxy import chaos_proxy

    origin = f"ws://127.0.0.1:{server.port}"
    line = thread.hold(partial(chaos_proxy, origin, plan))
    server.url = server.url.replace(origin, line.value, 1)
    return line


def _server(request: pytest.FixtureRequest, path: Path, keywords: dict[str, Any]) -> CassetteServer:
    from duologue.errors import ConnectFailed, RecordingError
    from duologue.testing.cassettes import open_cassette

    record: Any = request.config.getoption(_RECORD)
    upstream: Any = request.config.getoption(_UPSTREAM)
    shown = _shown(request, path)
    if not path.exists() and record == "none":
        raise _failed(f"there is no cassette {shown}.\n{_how_to_record(request, 'once')}")
    if upstream is None and (record in ("new", "all") or (record == "once" and not path.exists())):
        raise _failed(f"to record {shown}, {_UPSTREAM} URL is needed: the server to record from")
    try:
        server = open_cassette(path, name=shown, record=record, upstream=upstream, **keywords)
    except (ConnectFailed, RecordingError, ValueError) as fault:
        raise _failed(f"{shown}: {fault}") from None
    if server.cassette is not None:
        _warn_if_old(request, shown, server.cassette.contents.header.started_at)
    return server


def _warn_if_old(request: pytest.FixtureRequest, shown: str, started_at: str) -> None:
    days = request.config.getoption(_DAYS)
    if days is None:
        return
    try:
        recorded_at = datetime.fromisoformat(started_at).astimezone(UTC)
    except ValueError:
        return
    from duologue.clock import local_date

    if (age := local_date().astimezone(UTC) - recorded_at) > timedelta(days=days):
        words = f"{shown} was recorded {age.days} days ago, and the service may answer otherwise by now"
        request.node.warn(pytest.PytestWarning(f"{words}.\n{_how_to_record(request, 'all')}"))


def _asked(request: pytest.FixtureRequest) -> tuple[str | None, dict[str, Any]]:
    """The name and the keywords of all markers of the test; the closest counts."""
    name: str | None = None
    found: dict[str, Any] = {}
    for marker in request.node.iter_markers(_MARKER):
        if len(marker.args) > 1 or not all(isinstance(each, str) for each in marker.args):
            raise _failed(f"@pytest.mark.{_MARKER} takes one name, which is a text")
        if wrong := sorted(marker.kwargs.keys() - set(_KEYWORDS)):
            raise _failed(f"@pytest.mark.{_MARKER}: there is no {', '.join(wrong)}; it takes {', '.join(_KEYWORDS)}")
        for each in ("ignore", "allow"):
            if isinstance(marker.kwargs.get(each), str):
                raise _failed(f"@pytest.mark.{_MARKER}: {each} is a list, not the text {marker.kwargs[each]!r}")
        name = name if name is not None else next(iter(marker.args), None)
        found = {**marker.kwargs, **found}
    return name, found


def _path(request: pytest.FixtureRequest, name: str | None) -> Path:
    module: Path = request.path
    if name is not None and name.endswith(".jsonl"):
        return module.parent / name
    own: str = request.node.name if request.cls is None else f"{request.cls.__name__}.{request.node.name}"
    plain = re.sub(r"[^\w.-]+", "-", name or own).strip("-.")  # what every file system takes
    return module.parent / _FOLDER / module.stem / f"{plain}.jsonl"


def _shown(request: pytest.FixtureRequest, path: Path) -> str:
    root = request.config.invocation_params.dir
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _how_to_record(request: pytest.FixtureRequest, mode: str) -> str:
    return f"Record it: pytest '{request.node.nodeid}' {_RECORD}={mode} {_UPSTREAM}=wss://api.example.com/v1/realtime"


def _failed(what: str) -> BaseException:
    return pytest.fail.Exception(what, pytrace=False)
