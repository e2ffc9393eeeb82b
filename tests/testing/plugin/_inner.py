"""Runs of pytest inside a test, with the settings of a strict project."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

import pytest

__all__ = ["STRICT", "run"]

STRICT = """
    [pytest]
    asyncio_mode = auto
    asyncio_default_fixture_loop_scope = function
    strict = true
    filterwarnings = error
"""


_OF_FIXTURES = "baseline call_page served strategies".split()

# An inner run forgets the modules that it imported, and numpy cannot be imported twice.
for _name in ("numpy", "soxr", "soundfile", *(f"duologue.testing.{each}" for each in _OF_FIXTURES)):
    with suppress(ModuleNotFoundError):
        import_module(_name)


def run(pytester: pytest.Pytester, code: str, *options: str) -> pytest.RunResult:
    """Run this as the file test_inner.py, in this process."""
    if not list(pytester.path.glob("pytest.ini")):
        pytester.makefile(".ini", pytest=STRICT)
    pytester.makepyfile(test_inner=code)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CI", "BUILD_NUMBER"):  # by which pytest prints whole messages twice
            patch.delenv(name, raising=False)
        return pytester.runpytest_inprocess(*options)
