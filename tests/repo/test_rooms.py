"""What must hold for the folders of the package, and for the tests that mirror them."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from pathlib import Path
from typing import Final

from tests.repo._tree import PACKAGE, ROOT, modules

_MAX_MODULES: Final = 20
"""A reader finds one name among twenty at a glance; more than that wants another folder."""

_WITHOUT_TEST: Final[dict[str, str]] = {}
"""Modules without a test file of their name, and where what they do is tested."""

_NAMES_USED_TWICE: Final[dict[str, str]] = {}
"""Classes that share their name with another, and why."""


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_no_folder_has_more_than_twenty_modules() -> None:
    in_folder = Counter(path.parent for path in modules())
    assert {_name(folder): count for folder, count in in_folder.items() if count > _MAX_MODULES} == {}


def test_every_module_has_a_test_file_of_its_name() -> None:
    without = {
        _name(path)
        for path in modules()
        if path.name not in {"__init__.py", "__main__.py"}
        and not (ROOT / "tests" / path.relative_to(PACKAGE).parent / f"test_{path.name}").exists()
    }
    assert without == set(_WITHOUT_TEST)


def test_no_two_classes_share_a_name() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path in modules():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(_name(path))
    assert {name for name, where in homes.items() if len(where) > 1} == set(_NAMES_USED_TWICE)
