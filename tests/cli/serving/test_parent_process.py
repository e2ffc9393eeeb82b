"""What the parent of workers is told; tests/server/workers/test_parent.py runs it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

import duologue.cli
from duologue.cli.serving.parent_process import VARIABLE, ParentSettings, begin_anew


def test_the_command_begins_anew_with_its_socket_and_with_no_key_in_a_new_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[Any] = []
    monkeypatch.setattr("os.execve", lambda *what: begun.append(what))
    with socket.socket() as listening:
        settings = ParentSettings(
            command=("python", "-m", "duologue", "serve"),
            workers=2,
            listening=listening.fileno(),
            releases=False,
            url="ws://h/v1/realtime",
            talk=True,
            until_eof=False,
            log_level="info",
            log_format="text",
        )
        become: Callable[[ParentSettings], None] = begin_anew  # it returns here
        become(settings)
        assert listening.get_inheritable()
    ((program, command, environment),) = begun
    assert (program, command) == ("python", settings.command)
    assert msgspec.json.decode(environment.pop(VARIABLE), type=ParentSettings) == settings
    assert environment == dict(os.environ)


def test_the_command_knows_the_variable_without_the_module() -> None:
    assert duologue.cli._PARENT == VARIABLE
