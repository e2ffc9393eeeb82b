"""The help: in groups, with examples that the command line takes."""

from __future__ import annotations

import shlex

import pytest

from duologue.cli.app import COMMANDS, command
from duologue.cli.help_pages import HELP
from tests.cli.conftest import Command

EXAMPLES = [example for page in HELP.values() for example in page.examples]


def test_every_command_has_a_place_and_examples() -> None:
    assert list(HELP) == list(COMMANDS)
    assert [name for name, page in HELP.items() if not page.examples] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_command_line_that_is_understood(example: str) -> None:
    program, *arguments = shlex.split(example)
    function, bound, _ = command().parse_args(arguments, print_error=False, exit_on_error=False)
    assert program == "duologue"
    assert function is (COMMANDS.get(arguments[0]) or COMMANDS[" ".join(arguments[:2])])
    assert bound is not None


def test_the_help_is_in_groups(command: Command) -> None:
    shown = command("--help").out
    groups = ("Talk", "Serve", "Recordings and frames", "Protocol", "About this command")
    places = [shown.index(f"─ {group} ─") for group in groups]
    assert places == sorted(places)
    assert "First steps" in shown


@pytest.mark.parametrize("name", list(HELP))
def test_the_help_of_a_command_ends_with_its_examples(
    name: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = command(*name.split(), "--help").out
    for example in HELP[name].examples:
        assert example in shown.partition("Examples")[2]


def test_options_of_the_server_are_in_groups(command: Command) -> None:
    shown = command("serve", "--help").out
    for group in ("Listening", "Who may use it, and how much", "Engines", "Relay, instead of engines", "Operation"):
        assert f"─ {group} ─" in shown
    assert "─ Parameters ─" not in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_completion(shell: str) -> None:
    script = command().generate_completion(shell=shell)  # type: ignore[arg-type]  # a literal
    assert [name for name in (*" ".join(HELP).split(), "--upstream-dialect") if name not in script] == []
