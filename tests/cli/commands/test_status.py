"""`duologue status`."""

from __future__ import annotations

from itertools import count

import pytest

from duologue.cli.errors import TurnFailed, UsageError
from duologue.cli.local_server import KEY_VARIABLE
from duologue.cli.status.server_pages import ServerPages
from duologue.cli.status.server_status import Look
from tests.cli.conftest import Command, Place


def test_a_server_that_is_ready(command: Command, scripted_server: Place) -> None:
    shown = command("status", scripted_server.url, "--api-key", scripted_server.api_key, "--every", "10ms")
    assert "  ready · up " in shown.out.splitlines()[0]
    assert "sessions     0 open" in shown.out


def test_one_json_object(command: Command, scripted_server: Place) -> None:
    [line] = command(
        "status", scripted_server.url, "--api-key", scripted_server.api_key, "--every", "10ms", "--json"
    ).lines
    assert (line["ready"], line["state"], line["sessions"]["open"]) == (True, "ok", 0)


def test_the_key_of_the_server_s_own_variable(
    command: Command, scripted_server: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, f"{scripted_server.api_key},another")
    command("status", scripted_server.url, "--every", "10ms")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["localhost:1"], 1, "cannot reach http://localhost:1/metrics"),
        (["file:///x"], 2, "begins with wss:// or ws://"),
        (["localhost:1", "--every", "never"], 2, "--every is a duration"),
    ],
)
def test_what_fails_is_one_sentence(command: Command, arguments: list[str], code: int, sentence: str) -> None:
    shown = command("status", *arguments, code=code)
    assert sentence in shown.err
    assert len(shown.err.splitlines()) == 1


def test_a_watch_goes_on_while_the_server_is_away(
    command: Command, scripted_server: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, faults = ServerPages.look, {3: TurnFailed("it is away"), 5: UsageError("the end of the test")}
    numbers = count(1)

    async def interrupted(pages: ServerPages) -> Look:
        if (fault := faults.get(next(numbers))) is not None:
            raise fault
        return await look(pages)

    monkeypatch.setattr(ServerPages, "look", interrupted)
    options = ("--api-key", scripted_server.api_key, "--every", "10ms", "--watch")
    rows = command("status", scripted_server.url, *options, "--json", code=2).lines
    assert [(row["ready"], row.get("problem")) for row in rows] == [(True, None), (False, "it is away"), (True, None)]
    numbers = count(1)
    lines = command("status", scripted_server.url, *options, code=2).out.splitlines()
    assert sum("  ready · up " in line for line in lines) == 2
    assert sum("  it is away" in line for line in lines) == 1
