"""The fixture realtime_cassette: what it plays, what it records, and what it tells when a test does not fit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import duologue.testing.cassettes
import duologue.testing.served
from tests.server._listening import listening, scripted_app
from tests.testing.cassettes._tape import GREETING, Tape, item
from tests.testing.plugin._inner import run

pytest_plugins = ("pytester",)

_OUT_HERE = (duologue.testing.served, duologue.testing.cassettes)  # so that inner runs do not import them again

_HEAD = """
import json
import pytest
from websockets.sync.client import connect

def item(words):
    content = [{"type": "input_text", "text": words}]
    return {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": content}}

def talk(cassette, words="hi"):
    with connect(cassette.url + "?model=m") as client:
        assert json.loads(client.recv())["type"] == "session.created"
        client.send(json.dumps(item(words)))
        return json.loads(client.recv())
"""

_TALK = f"""{_HEAD}
def test_talk(realtime_cassette):
    assert talk(realtime_cassette)["type"] == "conversation.item.added"
"""


def tape(pytester: pytest.Pytester, name: str = "test_talk") -> Path:
    """The cassette of a talk."""
    path = pytester.path / "cassettes" / "test_inner" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    said = item("item_1", "hi")
    del said["item"]["id"]
    return Tape(path).server(GREETING).client(said).server("conversation.item.added").done()


def against_a_server(work: Callable[[str], Any]) -> Any:
    """Do this in a thread, while our server listens."""

    async def hold() -> Any:
        async with listening(scripted_app()) as url:
            return await asyncio.to_thread(work, url)

    waiting: Awaitable[Any] = hold()
    return asyncio.run(waiting)  # type: ignore[arg-type]  # a coroutine


def test_a_cassette_is_recorded_once_and_then_played(pytester: pytest.Pytester) -> None:
    def record(url: str) -> pytest.RunResult:
        return run(pytester, _TALK, "--duologue-record=once", f"--duologue-upstream={url}")

    recorded = against_a_server(record)
    recorded.assert_outcomes(passed=1)
    recorded.stdout.fnmatch_lines(["duologue: recorded *test_talk.jsonl: 1 connection, * messages"])
    [path] = (pytester.path / "cassettes").rglob("*.jsonl")
    assert path.relative_to(pytester.path) == Path("cassettes/test_inner/test_talk.jsonl")
    before = path.read_bytes()
    run(pytester, _TALK).assert_outcomes(passed=1)
    run(pytester, _TALK, "--duologue-record=once").assert_outcomes(passed=1)
    assert path.read_bytes() == before


def test_sync_and_async_tests_and_their_names(pytester: pytest.Pytester) -> None:
    for name in ("test_talk", "test_two-a-b", "TestThree.test_it", "shared"):
        tape(pytester, name)
    code = f"""{_HEAD}
import asyncio

def test_talk(realtime_cassette):
    talk(realtime_cassette)

@pytest.mark.parametrize("which", ["a/b"])
async def test_two(realtime_cassette, which):
    await asyncio.to_thread(talk, realtime_cassette)

class TestThree:
    def test_it(self, realtime_cassette):
        talk(realtime_cassette)

@pytest.mark.realtime_cassette("shared")
def test_four(realtime_cassette):
    talk(realtime_cassette)

@pytest.mark.realtime_cassette("cassettes/test_inner/shared.jsonl")
def test_five(realtime_cassette):
    talk(realtime_cassette)
"""
    run(pytester, code).assert_outcomes(passed=5)


def test_a_missing_cassette_says_how_it_is_recorded(pytester: pytest.Pytester) -> None:
    result = run(pytester, _TALK)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "there is no cassette cassettes?test_inner?test_talk.jsonl.",
            "Record it: pytest 'test_inner.py::test_talk' --duologue-record=once --duologue-upstream=wss://*",
        ]
    )
    result = run(pytester, _TALK, "--duologue-record=once")
    result.stdout.fnmatch_lines(["to record cassettes?test_inner?test_talk.jsonl, --duologue-upstream URL is needed*"])


def test_a_client_that_sends_something_else_fails_and_sees_why(pytester: pytest.Pytester) -> None:
    tape(pytester)
    code = f"""{_HEAD}
def test_talk(realtime_cassette):
    assert talk(realtime_cassette, "hello")["type"] == "conversation.item.added"
"""
    result = run(pytester, code)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- duologue cassette -*",
            "cassettes?test_inner?test_talk.jsonl: event 1 of the client is not the recorded one (line 3 *).",
            "  recorded: conversation.item.create",
            "  came:     conversation.item.create",
            '    item.content.0.text: "hi" was recorded, and "hello" came',
            "  If this may differ: ignore=['item.content.0.text'].",
        ]
    )


def test_a_test_that_does_not_notice_is_an_error_at_its_end(pytester: pytest.Pytester) -> None:
    tape(pytester)
    code = f"""{_HEAD}
def test_talk(realtime_cassette):
    with connect(realtime_cassette.url + "?model=m") as client:
        client.recv()
"""
    result = run(pytester, code)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_talk*",
            "*test_talk.jsonl: the client left before the end. It sent 0 of 1 recorded events; these did not come: *",
            "Record it: pytest 'test_inner.py::test_talk' --duologue-record=all --duologue-upstream=wss://*",
        ]
    )


def test_the_marker_allows_more(pytester: pytest.Pytester) -> None:
    for name in ("test_fields", "test_types", "test_order"):
        tape(pytester, name)
    code = f"""{_HEAD}
pytestmark = pytest.mark.realtime_cassette(patience_s=5)

@pytest.mark.realtime_cassette(ignore=["item.content.*.text"])
def test_fields(realtime_cassette):
    talk(realtime_cassette, "hello")

@pytest.mark.realtime_cassette(match="types")
def test_types(realtime_cassette):
    talk(realtime_cassette, "hello")

@pytest.mark.realtime_cassette(match="order")
def test_order(realtime_cassette):
    talk(realtime_cassette, "hello")
"""
    run(pytester, code).assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ("'a', 'b'", "@pytest.mark.realtime_cassette takes one name, which is a text"),
        ("1", "@pytest.mark.realtime_cassette takes one name, which is a text"),
        ("mtach='types'", "*there is no mtach; it takes match, ignore, patience_s, allow"),
        ("ignore='a.b'", "*ignore is a list, not the text 'a.b'"),
        ("match='loose'", "*match is one of strict, types, order, not 'loose'"),
    ],
)
def test_a_wrong_marker_is_an_error_that_says_what_it_takes(pytester: pytest.Pytester, marker: str, words: str) -> None:
    tape(pytester)
    code = f"""{_HEAD}
@pytest.mark.realtime_cassette({marker})
def test_talk(realtime_cassette):
    pass
"""
    result = run(pytester, code)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([words])


def test_while_it_is_played_nothing_else_is_reached(pytester: pytest.Pytester) -> None:
    for name in ("test_other", "test_allowed"):
        tape(pytester, name)
    code = f"""{_HEAD}
import socket

def test_other(realtime_cassette):
    socket.create_connection(("192.0.2.1", 443))

@pytest.mark.realtime_cassette(allow=["127.0.0.1"])
def test_allowed(realtime_cassette):
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        talk(realtime_cassette)

def test_afterwards():
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        pass
"""
    result = run(pytester, code)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*SocketBlocked: this test plays a cassette, and opens a connection to 192.0.2.1:443; allow=*",
            "blocked: a connection to 192.0.2.1:443",
        ]
    )


def test_while_it_is_recorded_a_test_that_fails_leaves_the_cassette(pytester: pytest.Pytester) -> None:
    path = tape(pytester)
    before = path.read_bytes()

    def record(url: str) -> pytest.RunResult:
        code = f"{_TALK}    assert not realtime_cassette.is_recording\n"
        return run(pytester, code, "--duologue-record=all", f"--duologue-upstream={url}")

    result = against_a_server(record)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*test_talk.jsonl is not changed by a test that fails: *.part has what passed"])
    assert path.read_bytes() == before


def test_an_old_cassette_is_told_if_that_was_asked_for(pytester: pytest.Pytester) -> None:
    path = tape(pytester)
    content = path.read_text(encoding="utf-8")
    started_at = content.partition('"started_at":"')[2].partition('"')[0]
    path.write_text(content.replace(started_at, "2020-01-01T00:00:00.000+00:00"), encoding="utf-8")
    run(pytester, _TALK, "-W", "default").assert_outcomes(passed=1)
    run(pytester, _TALK, "--duologue-cassette-days=100000").assert_outcomes(passed=1)
    result = run(pytester, _TALK, "--duologue-cassette-days=30", "-W", "default")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*was recorded * days ago, and the service may answer otherwise by now.*"])


def test_a_file_that_is_no_recording_is_an_error_in_words(pytester: pytest.Pytester) -> None:
    tape(pytester).write_text("nonsense", encoding="utf-8")
    result = run(pytester, _TALK)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_talk.jsonl is not a recording: its first line is no header"])


def test_faults_come_on_the_way(pytester: pytest.Pytester) -> None:
    for name in ("test_cut", "test_slices"):
        tape(pytester, name)
    code = f"""{_HEAD}
from websockets.exceptions import ConnectionClosed

@pytest.mark.realtime_faults("close code=1011 on=session.created")
def test_cut(realtime_cassette):
    with pytest.raises(ConnectionClosed, match="1011"):
        talk(realtime_cassette)

@pytest.mark.realtime_faults("slice bytes=7")
def test_slices(realtime_cassette):
    assert talk(realtime_cassette)["type"] == "conversation.item.added"
"""
    run(pytester, code).assert_outcomes(passed=2)
