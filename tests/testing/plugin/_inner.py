"""Runs of pytest inside a test, with the settings of a strict project."""

from __future__ import annotations

import pytest

__all__ = ["STRICT", "run"]

STRICT = """
    [pytest]
    asyncio_mode = auto
    asyncio_default_fixture_loop_scope = function
    strict = true
    filterwarnings = error
"""


def run(pytester: pytest.Pytester, code: str, *options: str) -> pytest.RunResult:
    """Run this as the file test_inner.py, in this process."""
    if not list(pytester.path.glob("pytest.ini")):
        pytester.makefile(".ini", pytest=STRICT)
    pytester.makepyfile(test_inner=code)
    return pytester.runpytest_inprocess(*options)
