"""Fixtures: our server, over a socket or in memory, with engines that follow a script.

@pytest.mark.realtime(hears=["what time is it"], says=["It is noon."])
def test_my_client(realtime_server):
    my_client(realtime_server.url)
    assert_turn(realtime_server.calls[-1], 1, user="what time is it", answer="It is noon.")
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from duologue.testing.plugin.artifacts import attach
from duologue.testing.plugin.faults import faults_of

if TYPE_CHECKING:
    from duologue.engines.registry import Engines
    from duologue.inspection import CallView
    from duologue.server import RealtimeApp
    from duologue.testing.served import AppInMemory, RealtimeServer, ServerThread

__all__ = [
    "ServerEvidence",
    "deterministic_engines",
    "duologue_thread",
    "pytest_configure",
    "realtime_app",
    "realtime_server",
]

_MARKER: Final = "realtime"

_SCRIPT: Final = ("hears", "says")
"""Keywords of the marker that are for the engines; the others are those of `RealtimeApp`."""


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(hears=[...], says=[...], **keywords): what realtime_server and realtime_app hear and say, in turn;"
        " other keywords are those of duologue.server.RealtimeApp, such as dialect, limits and defaults.",
    )


class ServerEvidence:
    """The calls of a server: their last events, and their recordings."""

    def __init__(self, server: RealtimeServer | AppInMemory) -> None:
        self._server = server
        self._tap = server.tap

    def calls(self) -> list[CallView]:
        """What the calls were."""
        return self._server.calls

    def recordings(self) -> list[bytes]:
        """The recording of each."""
        return [call.recording() for call in self._tap.calls]

    def sections(self) -> list[tuple[str, str]]:
        """The last events of each call."""
        from duologue.testing.call_text import timeline_tail

        count = len(self._tap.calls)
        return [
            (f"duologue call {number} of {count}, as the server saw it", timeline_tail(call.view))
            for number, call in enumerate(self._tap.calls, 1)
        ]

    def save(self, folder: Path) -> list[Path]:
        """Write a recording of each call."""
        paths = [folder / f"call-{number}.jsonl" for number in range(1, len(self._tap.calls) + 1)]
        for call, path in zip(self._tap.calls, paths, strict=True):
            call.save(path)
        return paths

    def close(self) -> None:
        """Drop the recordings."""
        self._tap.close()


@pytest.fixture(scope="session")
def duologue_thread() -> Generator[ServerThread, None, None]:
    """The thread on whose event loop servers of tests run, one after another."""
    from duologue.testing.served import ServerThread

    thread = ServerThread()
    yield thread
    thread.close()


@pytest.fixture
def deterministic_engines(request: pytest.FixtureRequest) -> Engines:
    """Engines that do what the marker `realtime` says: they hear loudness, answer in order, speak in tones, at once.

    `.responder.exchanges` has what was asked.
    """
    from duologue.testing.engines import scripted_engines

    script = {name: value for name, value in _keywords(request).items() if name in _SCRIPT}
    names = {"hears": "transcripts", "says": "responses"}
    for name, value in script.items():
        if isinstance(value, str):
            raise _wrong(
                f"{name} is a list of what is {'said' if name == 'hears' else 'answered'}, not the text {value!r}"
            )
    return scripted_engines(**{names[name]: tuple(value) for name, value in script.items()})


@pytest.fixture
def realtime_server(
    request: pytest.FixtureRequest, duologue_thread: ServerThread, deterministic_engines: Engines
) -> Generator[RealtimeServer, None, None]:
    """Our server on a free port, in a thread: for sync and async tests, and for clients in other processes.

    `.url` is the whole URL of sessions, `.base_url` that of HTTP SDKs, `.calls` what the calls were, each a `CallView`.
    """
    from duologue.testing.served import RealtimeServer

    server = RealtimeServer(_app(request, deterministic_engines), duologue_thread, faults=faults_of(request.node))
    attach(request.node, ServerEvidence(server))
    yield server
    server.close()


@pytest.fixture
def realtime_app(request: pytest.FixtureRequest, deterministic_engines: Engines) -> AppInMemory:
    """The same without a socket and a thread, for async tests: `converse(open_connection=realtime_app.connect)`."""
    from duologue.testing.served import AppInMemory

    memory = AppInMemory(_app(request, deterministic_engines), faults=faults_of(request.node))
    attach(request.node, ServerEvidence(memory))
    return memory


def _app(request: pytest.FixtureRequest, engines: Engines) -> RealtimeApp:
    from duologue.errors import MissingExtra
    from duologue.server import RealtimeApp
    from duologue.testing.engines import scripted_app_engines
    from duologue.testing.pair import CountedIds

    options = {name: value for name, value in _keywords(request).items() if name not in _SCRIPT}
    known = [name for name in inspect.signature(RealtimeApp).parameters if name != "engines"]
    if wrong := sorted(options.keys() - known):
        raise _wrong(f"there is no {', '.join(wrong)}; it takes {', '.join((*_SCRIPT, *known))}")
    made: dict[str, Any] = {"new_id": CountedIds(), **options}
    try:
        return RealtimeApp(engines=scripted_app_engines(engines), **made)
    except (TypeError, ValueError) as fault:
        raise _wrong(str(fault)) from None
    except MissingExtra as fault:
        raise pytest.fail.Exception(f"{request.fixturename}: {fault}", pytrace=False) from None


def _keywords(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """Those of all markers of the test; the closest counts."""
    found: dict[str, Any] = {}
    for marker in request.node.iter_markers(_MARKER):
        if marker.args:
            raise _wrong(f"it takes keywords only, not {marker.args[0]!r}")
        found = {**marker.kwargs, **found}
    return found


def _wrong(what: str) -> BaseException:
    return pytest.fail.Exception(f"@pytest.mark.{_MARKER}: {what}", pytrace=False)
