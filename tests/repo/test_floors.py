"""The page that shows the floors, against the contracts that the linter checks."""

from __future__ import annotations

import re
import tomllib

from tests.repo._tree import PACKAGE, ROOT


def _contract() -> list[set[str]]:
    """The layers of the package from above, as the linter has them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["containers"] == ["duologue"])
    return [set(re.findall(r"\w+", layer)) - {"__main__"} for layer in layers]


def _page() -> list[set[str]]:
    """The floors from above, as the page has them."""
    known = {path.stem for path in PACKAGE.iterdir()}
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = re.search(r"```text\n(6  .*?)```", text, re.DOTALL)
    assert table is not None
    return [known & set(row[3:50].split()) for row in table[1].splitlines()]


def test_the_page_shows_every_package_on_the_floor_where_the_linter_has_it() -> None:
    layers = [layer for layer in _contract() if layer]
    assert set().union(*_page()) == set().union(*layers)
    floor_of = {name: number for number, names in enumerate(_page()) for name in names}
    numbers = [floor_of[name] for layer in layers for name in sorted(layer)]
    assert numbers == sorted(numbers)


def test_no_other_page_has_a_table_of_the_floors() -> None:
    pages = [ROOT / "CONTRIBUTING.md", PACKAGE / "__init__.py", ROOT / "README.md"]
    assert [
        page.name for page in pages if re.search(r"^ *[65]  \w+ {2,}\w+", page.read_text(encoding="utf-8"), re.M)
    ] == []
