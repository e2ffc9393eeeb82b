"""The marker for faults, in each of the places where they may come."""

from __future__ import annotations

import pytest

import duologue.faults.proxy
import duologue.testing.served
from tests.testing.plugin._inner import run

pytest_plugins = ("pytester",)

_OUT_HERE = duologue.testing.served, duologue.faults.proxy  # so that inner runs do not import them again

_EVERYWHERE = """
import pytest
from duologue import blocking, converse
from duologue.errors import RequestRejected
from duologue.testing import GREETING, Expect, Send

CLOSE = pytest.mark.realtime_faults("close code=1012 on=response.created")

@CLOSE
async def test_memory(realtime_app):
    async with converse(open_connection=realtime_app.connect) as conversation:
        with pytest.raises(RequestRejected):
            await conversation.ask("One?")
        await conversation.restored(timeout=5)
        assert (await conversation.ask("Two?")).status == "completed"
    assert len(realtime_app.calls) == 2

@CLOSE
def test_socket(realtime_server):
    with blocking.converse(realtime_server.url) as conversation:
        with pytest.raises(RequestRejected):
            conversation.ask("One?")
        conversation.restored(timeout=5)
        assert conversation.ask("Two?").status == "completed"

@pytest.mark.realtime_faults("slice bytes=3", "drop on=conversation.item.create")
def test_script(scripted_server):
    server = scripted_server([Send(GREETING), Expect("conversation.item.create")])
    with blocking.converse(server.url) as conversation:
        conversation.send_text("Hi")

def test_none(realtime_server):
    with blocking.converse(realtime_server.url) as conversation:
        assert conversation.ask("One?").status == "completed"
"""

_FAILING = """
import pytest
from duologue import converse

@pytest.mark.realtime_faults("unknown on=session.created", seed=7)
async def test_it_fails(realtime_app):
    async with converse(open_connection=realtime_app.connect):
        pass
    assert not "of the test"

@pytest.mark.realtime_faults("drop", "half_opened")
async def test_no_fault(realtime_app):
    pass

@pytest.mark.realtime_faults("drop", sed=3)
async def test_no_keyword(realtime_app):
    pass
"""


def test_faults_come_in_memory_over_sockets_and_to_scripts(pytester: pytest.Pytester) -> None:
    run(pytester, _EVERYWHERE).assert_outcomes(passed=4)


def test_a_failure_tells_what_came_and_the_seed(pytester: pytest.Pytester) -> None:
    result = run(pytester, _FAILING)
    result.assert_outcomes(failed=1, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*@pytest.mark.realtime_faults: there is no fault 'half_opened'; did you mean half_open?*",
            "*@pytest.mark.realtime_faults: there is no sed; it takes faults, and seed*",
            "*- duologue faults, seed=7 -*",
            "connection 1: unknown on=session.created at session.created 1",
        ]
    )
