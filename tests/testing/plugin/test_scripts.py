"""Scripted servers: what a test's client must have done by its end."""

from __future__ import annotations

import pytest

from tests.testing.plugin._inner import run

pytest_plugins = ("pytester",)


_FOLLOWED = """
from duologue import blocking, converse
from duologue.testing import GREETING, Close, Expect, Send

SCRIPT = [Send(GREETING), Expect("conversation.item.create")]

def test_socket(scripted_server):
    server = scripted_server(SCRIPT)
    with blocking.converse(server.url) as conversation:
        conversation.send_text("Hi")
    assert server.url.endswith("/v1/realtime")

async def test_memory(scripted_server):
    server = scripted_server([*SCRIPT, Close()])
    async with converse(open_connection=server.connect) as conversation:
        await conversation.send_text("Hi")
        await server.played()

def test_none(scripted_server):
    pass
"""

_NOT_FOLLOWED = """
import pytest
from duologue import blocking
from duologue.testing import GREETING, Expect, Send

def talk(server):
    with blocking.converse(server.url) as conversation:
        conversation.send_text("Hi")

def test_another_event(scripted_server):
    talk(scripted_server([Send(GREETING), Expect("response.create")], [Send(GREETING)]))

def test_too_little(scripted_server):
    talk(scripted_server([Send(GREETING), Expect("conversation.item.create"), Expect("response.create")]))

def test_failed_itself(scripted_server):
    talk(scripted_server([Send(GREETING), Expect("conversation.item.create"), Expect("response.create")]))
    assert not "of the test"
"""


def test_a_client_that_follows_the_script_passes(pytester: pytest.Pytester) -> None:
    run(pytester, _FOLLOWED).assert_outcomes(passed=3)


def test_a_client_that_does_not_is_told_what_passed(pytester: pytest.Pytester) -> None:
    result = run(pytester, _NOT_FOLLOWED)
    result.assert_outcomes(passed=2, failed=1, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_another_event*",
            "connection 0: response.create was expected, and conversation.item.create came",
            "connection 1 was never opened, and there is a script for it",
            "what passed:",
            "    0.000 0 ← session.created",
            "* 0 → conversation.item.create",
            "* 0   closed with 1000",
            "*ERROR at teardown of test_too_little*",
            "connection 0 came to step 3 of 3: it expected response.create",
            "*_ test_failed_itself _*",
            "*- duologue scripted server 1 -*",
            "connection 0 came to step 3 of 3: it expected response.create",
        ]
    )


def test_a_script_in_virtual_time_has_no_thread(pytester: pytest.Pytester) -> None:
    code = """
    import pytest

    @pytest.fixture
    def virtual_clock():
        pass

    def test_a(scripted_server, virtual_clock):
        with pytest.raises(pytest.fail.Exception, match="in virtual time take `.connect`"):
            scripted_server([]).url
    """
    run(pytester, code, "-p", "no:duologue.virtual_time").assert_outcomes(passed=1)
