"""A missing optional package is reported by the extra that brings it; every other fault passes."""

import importlib

import pytest

from duologue.audio.extras import needs
from duologue.errors import MissingExtra


def test_a_missing_package_names_its_extra() -> None:
    with (
        pytest.raises(MissingExtra, match=r"no_such_package: not installed; run: pip install 'duologue\[llm\]'"),
        needs("llm"),
    ):
        importlib.import_module("no_such_package")


def test_other_faults_pass_unchanged() -> None:
    with pytest.raises(ZeroDivisionError), needs("llm"):
        _ = 1 / 0
