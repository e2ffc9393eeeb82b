"""Tests in virtual time, under pytest-asyncio and anyio, and what is refused there."""

from __future__ import annotations

import pytest

import duologue.testing.served
import duologue.testing.virtual_time
from tests.testing.plugin._inner import run

pytest_plugins = ("pytester",)

_OUT_HERE = (duologue.testing.served, duologue.testing.virtual_time)  # so that inner runs do not import them again

_HOURS = """
import asyncio
import pytest
from duologue import converse
from duologue.chance import random_bytes
from duologue.testing.virtual_time import VirtualTimeLoop

@pytest.fixture
async def in_the_fixture():
    return asyncio.get_running_loop()

@pytest.mark.virtual_time
async def test_marked(in_the_fixture):
    assert asyncio.get_running_loop() is in_the_fixture
    await asyncio.sleep(3600)
    assert asyncio.get_running_loop().time() == 3600

async def test_with_the_clock(realtime_app, virtual_clock):
    async with realtime_app.listening() as url, converse(url) as conversation:
        assert (await conversation.ask("Hello")).text == "Hello, this is a script."
        await virtual_clock.advance(3600)
        assert virtual_clock.now >= 3600
        assert (await conversation.ask("Hello")).text == "Hello, this is a script."

async def test_each_has_a_clock_of_its_own(virtual_clock):
    assert virtual_clock.now == 0

SEEN = set()

@pytest.mark.virtual_time(seed=7)
@pytest.mark.parametrize("number", [1, 2])
async def test_of_one_seed(number):
    SEEN.add(random_bytes(8))
    assert len(SEEN) == 1

async def test_in_real_time():
    assert not isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
"""

_ANYIO = """
import asyncio
import pytest
from duologue.testing.virtual_time import VirtualTimeLoop

pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend():
    return "asyncio", {"loop_factory": VirtualTimeLoop}

async def test_an_hour(virtual_clock):
    await virtual_clock.advance(3600)
    assert asyncio.get_running_loop().time() == 3600
"""

_WITHOUT_ASYNCIO = "[pytest]\nstrict = true\nfilterwarnings = error\n"

_REFUSED = """
import pytest

@pytest.mark.virtual_time
def test_sync():
    pass

async def test_in_a_thread(virtual_clock, realtime_server):
    pass
"""


def test_an_hour_passes_at_once_under_pytest_asyncio(pytester: pytest.Pytester) -> None:
    run(pytester, _HOURS).assert_outcomes(passed=6)


def test_no_other_test_gets_another_name_or_loop(pytester: pytest.Pytester) -> None:
    result = run(pytester, _HOURS, "--collect-only", "-q")
    names = [line.partition("::")[2] for line in result.outlines if "::" in line]
    assert names == [
        "test_marked",
        "test_with_the_clock",
        "test_each_has_a_clock_of_its_own",
        "test_of_one_seed[1]",
        "test_of_one_seed[2]",
        "test_in_real_time",
    ]


def test_an_hour_passes_at_once_under_anyio(pytester: pytest.Pytester) -> None:
    pytester.makefile(".ini", pytest=_WITHOUT_ASYNCIO)
    run(pytester, _ANYIO, "-p", "no:asyncio").assert_outcomes(passed=1)


def test_what_has_real_time_is_refused_in_words(pytester: pytest.Pytester) -> None:
    result = run(pytester, _REFUSED)
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*virtual time is for async tests*", "*a server in a thread, which keeps real time*"])


def test_a_runner_that_makes_no_such_loop_is_named(pytester: pytest.Pytester) -> None:
    pytester.makefile(".ini", pytest=_WITHOUT_ASYNCIO)
    code = "async def test_alone(virtual_clock):\n    pass\n"
    result = run(pytester, code, "-p", "no:asyncio", "-p", "no:anyio")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*needs pytest-asyncio 1.4 or newer*or anyio*"])


def test_the_marker_takes_keywords(pytester: pytest.Pytester) -> None:
    code = "import pytest\n@pytest.mark.virtual_time(5)\nasync def test_it():\n    pass\n"
    result = run(pytester, code)
    assert "takes keywords, such as grace_s=0.01" in result.stdout.str() + result.stderr.str()
