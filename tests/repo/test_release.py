"""What must agree for a release to be one."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from tests.repo._tree import PACKAGE, ROOT


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def _package_version() -> str:
    text = (PACKAGE / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__(?:: str)? = "([^"]+)"$', text, re.MULTILINE)
    assert found, "src/duologue/__init__.py gives no __version__ that the build can read"
    return found.group(1)


def _changelog_versions() -> list[str]:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions: list[str] = re.findall(r"^## \[?(\d+\.\d+\.\d+[^\s\]]*)", text, re.MULTILINE)
    return versions


def test_the_newest_version_in_the_changelog_is_the_version_of_the_package() -> None:
    assert _changelog_versions()[0] == _package_version()


def test_the_base_install_needs_msgspec_and_websockets_only() -> None:
    names = [re.split(r"[^a-z0-9-]", requirement)[0] for requirement in _project()["dependencies"]]
    assert names == ["msgspec", "websockets"]


def test_the_extra_all_holds_every_other_extra() -> None:
    extras = dict(_project()["optional-dependencies"])
    (everything,) = extras.pop("all")
    assert set(re.findall(r"[a-z]+", everything.partition("[")[2])) == set(extras)


def test_everything_the_package_requires_is_pinned() -> None:
    project = _project()
    requirements = [*project["dependencies"], *(r for e in project["optional-dependencies"].values() for r in e)]
    required = {re.split(r"[^a-z0-9-]", requirement)[0] for requirement in requirements} - {"duologue"}
    pinned = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()}
    assert required - pinned == set()


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


def test_the_readme_of_the_package_leads_to_no_file_that_is_not_there() -> None:
    """As registries show it, beside no files: what stands in pyproject.toml makes names of files out of links."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for each in pyproject["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(each["pattern"], each["replacement"], text)
    assert re.findall(r"\]\((?!https?:)[^)]*\)", text) == []
    assert "| step by step (docs/tutorial.md), or" in text
