"""The plugin for pytest: fixtures, markers and options for tests of what is built on realtime voice.

pytest loads it in every run of a project that has duologue installed, needed or not. So this module and the modules of
the families import pytest and the standard library only, and all else inside their fixtures and hooks.

A family is a module of this folder with its fixtures and hooks (`pytest_addoption`, `pytest_configure` …), and a name
in `FAMILIES`. `-p no:duologue` switches the plugin off, `-p no:duologue.servers` one family.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

import pytest

__all__ = ["FAMILIES", "pytest_addoption", "pytest_report_header"]

FAMILIES: Final = (
    "servers",
    "scripts",
    "faults",
    "sounds",
    "phones",
    "ringing",
    "cassettes",
    "virtual_time",
    "artifacts",
    "baselines",
)
"""Modules of this folder that are plugins of their own, in the order in which their hooks are called last."""

_OLDEST: Final = (8, 0)
"""The first pytest whose hooks can be wrapped as the families do it. An older one goes on without them: tests of
something else must not notice that duologue is there."""

_PACKAGE: Final = __name__.partition(".")[0]


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the families; pytest then calls this hook of theirs, too."""
    if pytest.version_tuple < _OLDEST:
        return
    _keep_modules_as_compiled(pluginmanager)
    parser.getgroup("duologue", "realtime voice (duologue)")
    for family in FAMILIES:
        pluginmanager.register(import_module(f"{__name__}.{family}"), f"duologue.{family}")


def pytest_report_header() -> list[str]:
    """Say why fixtures are missing."""
    too_old = pytest.version_tuple < _OLDEST
    return [f"duologue: its fixtures need pytest {_OLDEST[0]}, and this is {pytest.__version__}"] if too_old else []


def _keep_modules_as_compiled(pluginmanager: pytest.PytestPluginManager) -> None:
    """Have pytest import the modules of the package as they are.

    It rewrites the assert statements of every module of a package that brings a plugin. Of this one that takes a second
    of the first run, and of each run where bytecode is not kept, and our assertions gain nothing. There is no public
    way out for a whole package; without these attributes of pytest's, the second is lost and all else works.
    """
    hook = getattr(pluginmanager, "rewrite_hook", None)
    marked, known = getattr(hook, "_must_rewrite", None), getattr(hook, "_marked_for_rewrite_cache", None)
    if isinstance(marked, set) and isinstance(known, dict):
        marked.discard(_PACKAGE)
        known.clear()
