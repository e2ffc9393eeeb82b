"""`duologue.blocking`, as an attribute and as a module."""

from __future__ import annotations

import subprocess
import sys

import pytest

import duologue.blocking
import duologue.client.blocking


def in_a_fresh_interpreter(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8", timeout=30
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    "way",
    [
        "import duologue.blocking; print(duologue.blocking.connect.__module__)",
        "import duologue; print(duologue.blocking.connect.__module__)",
        "from duologue import blocking; print(blocking.connect.__module__)",
        "from duologue.blocking import connect; print(connect.__module__)",
        "import duologue.blocking as blocking; print(blocking.connect.__module__)",
    ],
)
def test_every_way_to_import_it_leads_to_the_same_functions(way: str) -> None:
    assert in_a_fresh_interpreter(way) == "duologue.client.blocking.connect"


def test_it_has_every_name_of_the_client_for_threads() -> None:
    assert duologue.blocking.__all__ == duologue.client.blocking.__all__
    for name in duologue.blocking.__all__:
        assert getattr(duologue.blocking, name) is getattr(duologue.client.blocking, name)
