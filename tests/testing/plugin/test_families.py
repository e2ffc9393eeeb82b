"""The plugin as a whole: what it costs where it is not used, and how it is switched off."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from types import SimpleNamespace

import pytest
from _pytest.assertion import AssertionState
from _pytest.assertion.rewrite import AssertionRewritingHook

import duologue.testing
from duologue.testing.plugin import FAMILIES, _keep_modules_as_compiled, pytest_addoption, pytest_report_header
from tests.repo._tree import ROOT
from tests.testing.plugin._inner import run

pytest_plugins = ("pytester",)

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


def test_pytest_finds_it_by_an_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"duologue": "duologue.testing.plugin"}


def test_no_family_has_two_names() -> None:
    assert len(set(FAMILIES)) == len(FAMILIES)


def test_all_names_of_testing_can_be_imported() -> None:
    assert dir(duologue.testing) == sorted(duologue.testing._LAZY)
    for name in dir(duologue.testing):
        assert getattr(duologue.testing, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'frog'"):
        duologue.testing.frog  # noqa: B018


def test_it_can_be_switched_off_as_a_whole_and_by_family(pytester: pytest.Pytester) -> None:
    code = "def test_a(realtime_server): pass\ndef test_b(tone): assert tone(10)"
    off = run(pytester, code, "-p", "no:duologue")
    off.assert_outcomes(errors=2)
    off.stdout.fnmatch_lines(["*fixture 'realtime_server' not found*"])
    run(pytester, code, "-p", "no:duologue.servers").assert_outcomes(errors=1, passed=1)


def test_a_run_that_does_not_use_it_leaves_nothing_behind(pytester: pytest.Pytester) -> None:
    run(pytester, "def test_a(): pass", "-p", "no:cacheprovider").assert_outcomes(passed=1)
    assert {path.name for path in pytester.path.iterdir()} <= {"pytest.ini", "test_inner.py", "__pycache__"}


def test_pytest_imports_the_modules_of_the_package_as_they_are_compiled(pytestconfig: pytest.Config) -> None:
    hook, state = AssertionRewritingHook(pytestconfig), AssertionState(pytestconfig, "rewrite")
    hook._must_rewrite |= {"duologue", "other"}
    _keep_modules_as_compiled(SimpleNamespace(rewrite_hook=hook))  # type: ignore[arg-type]
    marked = [hook._is_marked_for_rewrite(name, state) for name in ("duologue.codec", "other.module")]
    assert marked == [False, True]


def test_a_pytest_that_has_another_way_of_rewriting_is_left_alone() -> None:
    _keep_modules_as_compiled(SimpleNamespace(rewrite_hook=object()))  # type: ignore[arg-type]


def test_an_old_pytest_goes_on_without_the_families(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pytest_report_header() == []
    monkeypatch.setattr(pytest, "version_tuple", (7, 4, 4))
    pytest_addoption(parser=None, pluginmanager=None)  # type: ignore[arg-type]
    assert pytest_report_header() == [f"duologue: its fixtures need pytest 8, and this is {pytest.__version__}"]
