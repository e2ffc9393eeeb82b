"""What must hold for every file of the repository."""

from __future__ import annotations

import ast
import re

import pytest

from tests.repo._tree import ROOT, files, text_files

# Pieces, so that this file does not name what it forbids.
_REGISTRY_HOSTS = [
    ".".join(labels)
    for labels in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("archive", "ubuntu", "com"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
    )
]
_MACHINE_PATH = re.compile(r"(?<![\w.~}/-])/(?:home|root|work|workspace|Users)/[\w.-]+|\b[A-Z]:\\Users\\")
_VAGUE = re.compile(r"\b(?:nobody|whoever|somebody)\b", re.IGNORECASE)
_MARKDOWN_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?!\w+:|#)([^)\s#]+)[^)]*\)")
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def test_no_python_file_is_longer_than_500_lines() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in files()
        if path.suffix == ".py"
    }
    assert {name: length for name, length in lengths.items() if length > 500} == {}


@pytest.mark.parametrize(("name", "max_lines"), [("README.md", 120), ("CONTRIBUTING.md", 150)])
def test_the_first_pages_stay_short(name: str, max_lines: int) -> None:
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= max_lines


def test_no_file_names_the_host_of_a_package_registry() -> None:
    assert [(name, host) for name, text in text_files() for host in _REGISTRY_HOSTS if host in text] == []


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    assert [(name, hit.group()) for name, text in text_files() for hit in _MACHINE_PATH.finditer(text)] == []


def test_texts_name_the_one_they_mean() -> None:
    # A text says "client", "caller" or "viewer"; these three words leave open who is meant. Examples may quote speech.
    used = [
        name
        for name, text in text_files()
        if name.startswith(("src/", "docs/", "README"))
        for _ in _VAGUE.findall(text)
    ]
    assert len(used) < 15, used


def test_links_between_markdown_files_lead_somewhere() -> None:
    broken = [
        (name, target)
        for name, text in text_files()
        if name.endswith(".md")
        for target in _MARKDOWN_LINK.findall(_FENCED.sub("", text))
        if not (ROOT / name).parent.joinpath(target).exists()
    ]
    assert broken == []


def test_no_test_sleeps_the_thread() -> None:
    sleepers = [
        name
        for name, text in text_files()
        if name.startswith("tests/") and name.endswith(".py") and "time.sleep" in text  # parsing takes ten times longer
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute)
        and node.attr == "sleep"
        and isinstance(node.value, ast.Name)
        and node.value.id == "time"
    ]
    assert sleepers == []
