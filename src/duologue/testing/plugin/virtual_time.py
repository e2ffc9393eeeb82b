"""Marker and fixture: async tests in virtual time.

@pytest.mark.virtual_time
async def test_an_hour(realtime_app, virtual_clock):
    async with realtime_app.listening() as url, converse(url) as conversation:
        await virtual_clock.advance(3600)

pytest-asyncio takes the loop from here, for these tests alone. With anyio, `anyio_backend` names it:
`return "asyncio", {"loop_factory": VirtualTimeLoop}`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    import asyncio

    from duologue.testing.virtual_time import VirtualClock

__all__ = ["ClockOfTest", "pytest_configure", "pytest_generate_tests", "pytest_runtest_setup", "virtual_clock"]

_MARKER: Final = "virtual_time"
_FIXTURE: Final = "virtual_clock"

_IN_REAL_TIME: Final = "duologue_thread"
"""The fixture on which every server of ours in a thread depends."""

_ON_ITS_LOOP: Final = pytest.StashKey[set[str]]()
"""Tests that pytest-asyncio runs on a loop in virtual time, by their ids without parameters."""


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.stash[_ON_ITS_LOOP] = set()
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(**keywords): run this async test in virtual time; keywords are those of"
        " duologue.testing.virtual_time.VirtualTimeLoop, such as grace_s and seed.",
    )


class ClockOfTest:
    """The clock of the loop that the test runs on."""

    @property
    def now(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._clock.now

    async def advance(self, seconds: float) -> None:
        """Wait so many virtual seconds, as `VirtualClock.advance` does."""
        await self._clock.advance(seconds)

    @property
    def _clock(self) -> VirtualClock:
        from duologue.testing.virtual_time import running_clock

        return running_clock()


@pytest.fixture
def virtual_clock() -> ClockOfTest:
    """The clock of a test in virtual time, with `now` and `advance`; the test needs no marker then."""
    return ClockOfTest()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> Generator[None, None, None]:
    """Have pytest-asyncio make another loop for a test in virtual time.

    It asks every plugin that has its hook, and about every test; so there is one with the hook only now.
    """
    keywords = _keywords(metafunc.definition, metafunc.fixturenames)
    if keywords is None:
        yield
        return
    plugins = metafunc.config.pluginmanager
    loops = _Loops(keywords, metafunc.config.stash[_ON_ITS_LOOP])
    plugins.register(loops)
    try:
        yield
    finally:
        plugins.unregister(loops)


class _Loops:
    """A plugin that answers pytest-asyncio."""

    def __init__(self, keywords: Mapping[str, Any], on_its_loop: set[str]) -> None:
        self._keywords = keywords
        self._on_its_loop = on_its_loop

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_asyncio_loop_factories(self, item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
        """The loop of this test."""
        from duologue.testing.virtual_time import VirtualTimeLoop

        self._on_its_loop.add(_without_parameters(item.nodeid))
        return {_MARKER: partial(VirtualTimeLoop, **self._keywords)}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse what has no virtual time, in words."""
    fixtures: list[str] = getattr(item, "fixturenames", [])
    if _keywords(item, fixtures) is None:
        return
    test: Any = getattr(item, "obj", None)
    if not inspect.iscoroutinefunction(test):
        if item.get_closest_marker(_MARKER) is None and _FIXTURE not in inspect.signature(test).parameters:
            return  # a fixture of the project's asks for the clock, for all tests of a module
        pytest.fail(
            "virtual time is for async tests: a sync test waits in real time, and so does a blocking client, whose loop"
            " has a thread of its own",
            pytrace=False,
        )
    if _IN_REAL_TIME in fixtures:
        pytest.fail(
            "this test has a server in a thread, which keeps real time: in virtual time serve on the test's own loop,"
            " async with realtime_app.listening() as url",
            pytrace=False,
        )
    if _without_parameters(item.nodeid) not in item.config.stash[_ON_ITS_LOOP] and "anyio_backend" not in fixtures:
        pytest.fail(
            "virtual time needs pytest-asyncio 1.4 or newer, which asks for a test's loop; or anyio, with a fixture"
            ' anyio_backend that returns ("asyncio", {"loop_factory": VirtualTimeLoop})',
            pytrace=False,
        )


def _keywords(item: pytest.Item, fixtures: list[str]) -> Mapping[str, Any] | None:
    """The marker's keywords; None: the test is in real time."""
    marker = item.get_closest_marker(_MARKER)
    if marker is None:
        return {} if _FIXTURE in fixtures else None
    if marker.args:
        raise pytest.UsageError(f"{item.nodeid}: the marker {_MARKER} takes keywords, such as grace_s=0.01")
    return marker.kwargs


def _without_parameters(node_id: str) -> str:
    return node_id.partition("[")[0]
