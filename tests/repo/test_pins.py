"""What is installed for tests and checks: these versions, these bytes, from wherever they come."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from tests.repo._tree import ROOT


def _hashed(file: str = "hashes.txt") -> dict[str, list[str]]:
    """The sha256 sums of each pinned package."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"([a-z0-9-]+==[0-9][0-9a-z.]*) \\", line):
            found[match.group(1)] = []
            continue
        match = re.fullmatch(r"    --hash=sha256:([0-9a-f]{64})( \\)?", line)
        assert match, f"{file} holds names, versions and sums, and not: {line!r}"
        found[list(found)[-1]].append(match.group(1))
    return found


def _constraints() -> list[str]:
    return (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()


def _lock() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / "tests/compat/package-lock.json").read_text(encoding="utf-8"))
    packages: dict[str, Any] = content["packages"]
    return packages


def test_constraints_hold_names_and_versions_and_nothing_else() -> None:
    assert [line for line in _constraints() if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)] == []


def test_constraints_are_sorted_and_name_each_package_once() -> None:
    names = [line.split("==")[0] for line in _constraints()]
    assert names == sorted(set(names))


def test_every_pinned_version_has_the_sums_of_its_files_and_no_address() -> None:
    hashed = _hashed()
    assert list(hashed) == _constraints(), "run `make hashes`"
    for each in (hashed, _hashed("lowest.txt")):
        assert [name for name, sums in each.items() if not sums or len(set(sums)) != len(sums)] == []
        assert len({name.split("==")[0] for name in each}) == len(each), "one version of each"


def test_everything_that_a_group_asks_for_is_pinned() -> None:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups: dict[str, list[Any]] = content["dependency-groups"]
    asked = [each for group in groups.values() for each in group if isinstance(each, str)]
    names = {re.split(r"[^a-z0-9-]", each)[0] for each in (*asked, *content["build-system"]["requires"], "pip")}
    assert names - {line.split("==")[0] for line in _constraints()} == set()


def test_the_makefile_installs_nothing_whose_sum_is_not_known() -> None:
    """But the package itself, and peers of a benchmark that no check runs."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    installs = [
        line.strip()
        for line in text.splitlines()
        if re.search(r"pip(?: --python \S+)? install|\$\(PIP_INSTALL\)", line)
    ]
    loose = [line for line in installs if not re.search(r"--require-hashes|\$\(PINNED\)|--no-deps", line)]
    assert [line for line in loose if "-peers/" not in line and not line.startswith(("PIP_INSTALL :=", "#"))] == []
    assert re.search(r"^PINNED := --require-hashes --only-binary :all: --constraint hashes.txt$", text, re.MULTILINE)


def _lowest() -> dict[str, str]:
    return dict(name.split("==") for name in _hashed("lowest.txt"))


def test_the_lowest_versions_are_those_that_are_promised() -> None:
    """Each as it is written, and what it stands for: 45 is 45.0.1, if that is the first release of 45."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)]
    floors = [re.match(r"([a-z0-9-]+)(?:>=|==)([0-9.]+)", each) for each in asked if not each.startswith("duologue[")]
    assert all(floors), "each has a floor"
    lowest = _lowest()
    wrong = [
        f"{floor[1]}: {floor[2]} is promised, {lowest.get(floor[1])} is tried"
        for floor in floors
        if floor and not f"{lowest.get(floor[1])}.".startswith(f"{floor[2]}.")
    ]
    assert wrong == [], "run `make hashes`; a floor that another dependency raises is a false one"


def test_the_lowest_versions_are_tried_for_every_change() -> None:
    workflow = ROOT / ".github" / "workflows" / "ci.yml"
    assert not workflow.exists() or "make test-lowest" in workflow.read_text(encoding="utf-8")


def test_every_npm_package_has_a_sum_and_no_address() -> None:
    packages = {name: package for name, package in _lock().items() if name}
    assert packages
    assert [name for name, package in packages.items() if not package.get("integrity", "").startswith("sha512-")] == []
    assert [name for name, package in packages.items() if "resolved" in package or "funding" in package] == []


def test_the_npm_packages_that_tests_name_are_locked_as_they_are_named() -> None:
    wanted = json.loads((ROOT / "tests/compat/package.json").read_text(encoding="utf-8"))["dependencies"]
    assert _lock()[""]["dependencies"] == wanted
    assert {name: _lock()[f"node_modules/{name}"]["version"] for name in wanted} == wanted


def test_no_script_of_an_npm_package_is_run() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    calls = [line for line in text.splitlines() if re.search(r"\$\(NPM\) (ci|install)", line)]
    assert calls
    assert [line for line in calls if "--ignore-scripts" not in line] == []


def test_no_pinned_version_is_one_that_reports_usage() -> None:
    """Wheels of onnxruntime from 1.29 on do by default."""
    (version,) = [line.split("==")[1] for line in _constraints() if line.startswith("onnxruntime==")]
    assert tuple(map(int, version.split(".")[:2])) < (1, 29)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert [each for each in extras["speech"] if each.startswith("onnxruntime") and ",<1.29" not in each] == []
