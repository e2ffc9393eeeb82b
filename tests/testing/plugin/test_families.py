"""The plugin as a whole: what it costs where it is not used, and how it is switched off."""

from __future__ import annotations

import subprocess
import sys

import duologue.testing
from duologue.testing.plugin import FAMILIES

_IMPORTED = """
import sys, pytest
before = set(sys.modules)
from importlib import import_module
import duologue.testing.plugin as plugin
for family in plugin.FAMILIES:
    import_module(f"{plugin.__name__}.{family}")
new = {name for name in set(sys.modules) - before if name.partition(".")[0] not in sys.stdlib_module_names}
print(*sorted(name for name in new if not name.startswith("duologue.testing.plugin")))
"""


def test_the_plugin_and_its_families_import_pytest_and_the_standard_library_only() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTED], capture_output=True, text=True, check=True, encoding="utf-8", timeout=30
    )
    assert done.stdout.split() == ["duologue", "duologue.testing"]


def test_no_family_has_two_names() -> None:
    assert len(set(FAMILIES)) == len(FAMILIES)


def test_all_names_of_testing_can_be_imported() -> None:
    assert dir(duologue.testing) == sorted(duologue.testing._LAZY)
    for name in dir(duologue.testing):
        assert getattr(duologue.testing, name) is not None
