"""The entry point, and its messages about invalid command lines."""

from __future__ import annotations

import subprocess
import sys

import pytest

from duologue import __version__
from tests.cli.conftest import Command


def test_the_version_is_printed(command: Command) -> None:
    assert command("--version").out.strip() == __version__


def test_the_help_names_every_command(command: Command) -> None:
    shown = command("--help").out
    assert [name for name in ("serve", "talk", "replay", "demo") if name not in shown] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["sing"],
        ["talk", "--loud"],
        ["talk"],
        ["talk", "a.wav", "--say", "hi"],
        ["talk", "nowhere.wav"],
        ["talk", "--say", "hi", "--timeout", "0"],
        ["talk", "--say", "hi", "--timeout", "soon"],
        ["talk", "--say", "hi", "--url", "ftp://localhost:8000"],
        ["talk", "--say", "hi", "--url", "ws://127.0.0.1:99999"],
        ["talk", "--say", "hi", "--url", "ws://127.0.0.1:80 80"],
        ["talk", "--say", "hi", "--url", "ws://[::1"],
        ["talk", "--say", "hi", "--url", "https://"],
        ["talk", "--say", "hi", "--api-key", "k"],
        ["replay"],
        ["replay", "nowhere.jsonl"],
        ["serve", "--tls-cert", "nowhere.crt"],
        ["serve", "--llm-file", "nowhere.gguf"],
        ["serve", "--port", "many"],
        ["serve", "--api-key", ""],
        ["serve", "--api-key", "k", "--api-key", " "],
        ["serve", "--upstream", "no where"],
        ["serve", "--llm", "http://localhost:1/v1"],
        ["serve", "--llm-model", "m"],
        ["serve", "--llm", "http://localhost:1/v1", "--llm-file", "m.gguf"],
        ["serve", "--llm-file", "m.gguf", "--responder", "scripted"],
    ],
    ids=" ".join,
)
def test_an_invalid_command_line_exits_with_2_and_one_sentence(arguments: list[str], command: Command) -> None:
    shown = command(*arguments, code=2)
    assert shown.err.startswith("duologue: ")
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("package", ["cyclopts", "rich"])
def test_without_its_packages_the_command_says_how_to_get_them(
    package: str, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    shown = command("--version", code=1)
    assert shown.err == f"duologue: the command needs {package}; run: pip install 'duologue[cli]'\n"


def test_an_interrupt_while_modules_are_imported_ends_without_a_traceback() -> None:
    source = """
import sys
from duologue.cli import main

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "duologue.cli.commands.talk":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
sys.exit(main(["events"]))
"""
    ended = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors are not handed on")
def test_standard_files_that_the_caller_closed_become_no_socket() -> None:
    source = (
        "import os, socket, sys; from duologue.cli import main; main(['--version']); sys.exit(socket.socket().fileno())"
    )
    ended = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, source], check=False, timeout=30
    )
    assert ended.returncode > 2


def test_importing_the_command_imports_no_optional_package() -> None:
    source = "import sys, duologue.cli; print(sorted({'cyclopts', 'rich', 'numpy', 'uvicorn'} & sys.modules.keys()))"
    assert subprocess.check_output([sys.executable, "-c", source], text=True, encoding="utf-8").strip() == "[]"


def test_python_m_duologue_is_the_command() -> None:
    shown = subprocess.check_output([sys.executable, "-m", "duologue", "--version"], text=True, encoding="utf-8")
    assert shown.strip() == __version__
