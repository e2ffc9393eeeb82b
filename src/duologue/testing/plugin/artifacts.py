"""What is kept of a test's calls: files in `.duologue/`, and sections in the report of a failure.

A fixture of any family hands over what it has with `attach`; the rest happens here.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Generator
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

import pytest

__all__ = [
    "FOLDER",
    "Evidence",
    "attach",
    "evidence_of",
    "has_failed",
    "pytest_addoption",
    "pytest_runtest_makereport",
    "pytest_runtest_protocol",
]

_logger = logging.getLogger(__name__)

FOLDER: Final = ".duologue"
"""Below the root directory of pytest."""

_MAX_NAME: Final = 120
"""Characters of a folder's name: file systems take 255 bytes."""

_IGNORE: Final = "# Made by the plugin duologue of pytest: recordings of tests.\n*\n"


class Evidence(Protocol):
    """What a fixture knows of a test."""

    def sections(self) -> list[tuple[str, str]]:
        """Titles and texts for the report of a failure."""
        ...

    def save(self, folder: Path) -> list[Path]:
        """Write what is to be kept; returns the recordings among it, for `duologue inspect`."""
        ...

    def close(self) -> None:
        """Nothing is asked for any more."""
        ...


_EVIDENCE: Final = pytest.StashKey[list[Evidence]]()
_FAILED: Final = pytest.StashKey[bool]()


def attach(item: pytest.Item, evidence: Evidence) -> None:
    """Keep this, and tell it, if the test fails."""
    item.stash.setdefault(_EVIDENCE, []).append(evidence)


def evidence_of(item: pytest.Item) -> list[Evidence]:
    """What was attached to the test so far."""
    return item.stash.get(_EVIDENCE, [])


def has_failed(item: pytest.Item) -> bool:
    """Whether the test has failed so far, or one of its fixtures."""
    return item.stash.get(_FAILED, False)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which tests' calls are kept."""
    parser.getgroup("duologue").addoption(
        "--duologue-keep",
        choices=("failed", "all", "none"),
        default="failed",
        help=f"whose recordings of calls are kept in {FOLDER}/ (default: failed)",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell what the calls of a test that failed were, and where they are kept."""
    report = yield
    evidence = item.stash.get(_EVIDENCE, [])
    if report.failed:
        item.stash[_FAILED] = True
        for each in evidence:
            report.sections += [(title, text) for title, text in each.sections() if not _is_told(text, report)]
        if evidence and (told := _told_files(item)):
            report.sections.append(("duologue recordings", "\n".join(told)))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Keep the calls as they were when the fixtures had ended, and no longer what an earlier run kept."""
    result = yield
    if evidence := item.stash.get(_EVIDENCE, []):
        try:
            kept = _kept(item)
            if has_failed(item):
                _add_pages(item, kept)
        except OSError as fault:  # the disk is full, say: the test has been reported already
            _warn(item, fault)
        for each in evidence:
            each.close()
        del item.stash[_EVIDENCE]
    return result


def _is_told(text: str, report: pytest.TestReport) -> bool:
    """Whether the message of the failure has all of it: those of our assertions end with the same events."""
    return all(line.strip() in report.longreprtext for line in text.splitlines())


def _told_files(item: pytest.Item) -> list[str]:
    """How to look into what was kept, or why nothing was."""
    try:
        return [f"duologue inspect {_shown(item, path)}" for path in _kept(item)]
    except OSError as fault:
        return [f"not kept: {fault}"]


def _kept(item: pytest.Item) -> list[Path]:
    """Write the files of a test if they are to be kept; returns the recordings. Raises OSError."""
    keep = item.config.getoption("--duologue-keep")
    folder = item.config.rootpath / FOLDER / _name_of(item.nodeid)
    shutil.rmtree(folder, ignore_errors=True)
    if not (keep == "all" or (keep == "failed" and has_failed(item))):
        return []
    folder.mkdir(parents=True)
    ignore = folder.parent / ".gitignore"
    if not ignore.exists():
        ignore.write_text(_IGNORE, encoding="utf-8")
    paths = [path for each in evidence_of(item) for path in each.save(folder)]
    if not any(folder.iterdir()):
        folder.rmdir()
    return paths


def _add_pages(item: pytest.Item, recordings: list[Path]) -> None:
    """Write a page beside each recording, which a browser on another machine opens, too. Raises OSError."""
    if not recordings:
        return
    from duologue.errors import RecordingError
    from duologue.testing.call_page import write_call_page

    for path in recordings:
        try:
            write_call_page(path, path.with_suffix(".html"), title=item.name)
        except RecordingError as fault:
            _warn(item, fault)


def _warn(item: pytest.Item, fault: Exception) -> None:
    from duologue.printable import printable

    _logger.warning("not all was kept of %s: %s", printable(item.nodeid), printable(str(fault)))


def _shown(item: pytest.Item, path: Path) -> str:
    """The path from where pytest was started, if it is below."""
    start = item.config.invocation_params.dir
    return str(path.relative_to(start) if path.is_relative_to(start) else path)


def _name_of(nodeid: str) -> str:
    """A folder's name for a test: what it is called, without what a file system does not take."""
    name = re.sub(r"[^\w.-]+", "-", nodeid.replace("::", "-").replace(".py", "")).strip("-.")
    # Two names that differ in what is left out have different folders.
    mark = sha256(nodeid.encode()).hexdigest()[:6]
    return f"{name[:_MAX_NAME]}-{mark}"
