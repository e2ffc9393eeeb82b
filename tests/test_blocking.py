"""`duologue.blocking` is a module like any other, and comes at first use."""

from __future__ import annotations

import subprocess
import sys

import pytest

from duologue.client import blocking as home


@pytest.mark.parametrize(
    "source",
    [
        "import duologue.blocking; found = duologue.blocking",
        "from duologue import blocking as found",
        "import duologue; found = duologue.blocking",
        "from duologue.blocking import connect, converse; import duologue.blocking as found",
    ],
)
def test_every_way_of_importing_it_leads_to_the_same_names(source: str) -> None:
    source += "; print(*sorted(found.__all__), found.converse.__module__)"
    printed = subprocess.check_output([sys.executable, "-c", source], text=True, encoding="utf-8")
    assert printed.split() == [*sorted(home.__all__), home.converse.__module__]


def test_importing_duologue_alone_does_not_load_it() -> None:
    source = "import sys, duologue; print('duologue.blocking' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", source], text=True, encoding="utf-8") == "False\n"
