"""Servers for tests: sync, async and in other processes, with the engines that the marker describes."""

from __future__ import annotations

import sys

import pytest

from tests.testing.plugin._inner import run

pytest_plugins = ("pytester",)


_CLIENTS = """
import re, subprocess, sys
import pytest
from duologue import blocking, converse
from duologue.testing import assert_no_errors, assert_turn, normalised

scripted = pytest.mark.realtime(hears=["what time is it"], says=["It is noon.", "It is one."])
SESSION = {"audio": {"input": {"transcription": {"model": "m"}}}}

@scripted
def test_sync(realtime_server):
    with blocking.converse(realtime_server.url) as conversation:
        answers = [conversation.ask("What time is it?").text for _ in range(3)]
    assert answers == ["It is noon.", "It is one.", "It is noon."]
    (call,) = realtime_server.calls
    assert_no_errors(call)
    assert_turn(call, 2, user="What time is it?", answer="It is one.", status="completed")
    assert re.fullmatch(r"http://127.0.0.1:\\d+/v1", realtime_server.base_url)

@scripted
async def test_async(realtime_server):
    async with converse(realtime_server.url) as conversation:
        assert (await conversation.ask("Hello")).text == "It is noon."
    assert_turn(realtime_server.calls[-1], 1, answer="It is noon.")

@scripted
async def test_in_memory(realtime_app, realtime_audio, silence):
    async with converse(open_connection=realtime_app.connect, session=SESSION) as conversation:
        async with conversation.stream("response.done") as ended:
            await conversation.send_audio(realtime_audio() + silence(900))
            async for _ in ended:
                break
    assert_turn(realtime_app.calls[-1], 1, user="what time is it", answer="It is noon.")

PROGRAM = "import sys; from duologue import blocking as b\\nwith b.converse(sys.argv[1]) as c: print(c.ask('hi').text)"

@scripted
def test_another_process(realtime_server):
    command = [sys.executable, "-c", PROGRAM, realtime_server.url]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=30)
    assert done.stdout.strip() == "It is noon.", done.stderr
    assert_turn(realtime_server.calls[-1], 1, answer="It is noon.")

@scripted
def test_the_engines(realtime_server, deterministic_engines):
    with blocking.converse(realtime_server.url) as conversation:
        conversation.ask("Hello")
    assert len(deterministic_engines.responder.exchanges) == 1

@pytest.mark.realtime(dialect="openai-beta")
def test_ids_and_dialects_are_those_of_each_test(realtime_server):
    with blocking.converse(realtime_server.url) as conversation:
        conversation.ask("Hello")
    call = realtime_server.calls[-1]
    assert call.session_id == "sess_1"
    assert "← conversation.item.created item_1" in normalised(call)

def test_without_a_marker(realtime_server):
    with blocking.converse(realtime_server.url) as conversation:
        assert conversation.ask("Hello").text == "Hello, this is a script."

def test_without_a_call(realtime_server, realtime_app):
    assert realtime_server.calls == realtime_app.calls == []
"""

_ANYIO = """
import pytest
from duologue import converse

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
async def test_a(realtime_server, realtime_app):
    async with converse(realtime_server.url) as one, converse(open_connection=realtime_app.connect) as other:
        assert (await one.ask("a")).text == (await other.ask("b")).text
"""

_WRONG = """
import pytest

@pytest.mark.realtime(hears="one text")
def test_text(realtime_server): pass

@pytest.mark.realtime("says")
def test_positional(realtime_server): pass

@pytest.mark.realtime(frog=1, toad=2)
def test_keyword(realtime_app): pass

@pytest.mark.realtime(dialect="frog")
def test_dialect(realtime_app): pass
"""

_CALLS = """
import pytest
from duologue import blocking
from duologue.testing import assert_turn

def test_message(realtime_server):
    with blocking.converse(realtime_server.url) as conversation:
        conversation.ask("Hello")
    assert_turn(realtime_server.calls[-1], 1, answer="Hello, this is a scrap.")

def test_section(realtime_server):
    with blocking.converse(realtime_server.url) as conversation:
        conversation.ask("Hello")
        raise RuntimeError("of the test")
"""


def test_clients_of_every_kind_talk_to_it(pytester: pytest.Pytester) -> None:
    run(pytester, _CLIENTS).assert_outcomes(passed=8)


def test_it_needs_no_plugin_for_asyncio_and_works_with_that_of_anyio(pytester: pytest.Pytester) -> None:
    pytester.makefile(".ini", pytest="[pytest]\nstrict = true\nfilterwarnings = error")
    run(pytester, _ANYIO, "-p", "no:asyncio").assert_outcomes(passed=1)


def test_a_marker_that_is_wrong_is_explained(pytester: pytest.Pytester) -> None:
    result = run(pytester, _WRONG)
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(
        [
            "@pytest.mark.realtime: hears is a list of what is said, not the text 'one text'",
            "@pytest.mark.realtime: it takes keywords only, not 'says'",
            "@pytest.mark.realtime: there is no frog, toad; it takes hears, says, api_key, *dialect*limits*",
            "@pytest.mark.realtime: no dialect 'frog'; known: openai, *",
        ]
    )
    assert "Traceback" not in result.stdout.str()


def test_a_failure_shows_the_test_and_the_last_events_once(pytester: pytest.Pytester) -> None:
    result = run(pytester, _CALLS)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "E       AssertionError: turn 1: answer_text is 'Hello, this is a script.', not 'Hello, this is a scrap.'",
            "E       - Hello, this is a scrap.",
            "E       + Hello, this is a script.",
            "E       the last 15 of 17 events:",
            "*← response.done",
            "*_ test_section _*",
            "*- duologue call 1 of 1, as the server saw it -*",
            "the last 15 of 17 events:",
            "*← response.done",
        ]
    )
    assert result.stdout.str().count("the last 15 of 17 events") == 2
    assert "assertions.py" not in result.stdout.str()


def test_an_extra_that_is_missing_is_named(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    result = run(pytester, "def test_a(realtime_app): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["realtime_app: prometheus-client: not installed; run: pip install 'duologue?server?'"])
    assert "Traceback" not in result.stdout.str()
