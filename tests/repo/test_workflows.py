"""What must hold for every workflow: it runs pinned code, with no more rights than it needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.repo._tree import ROOT

_FOLDER = ROOT / ".github" / "workflows"
if not _FOLDER.is_dir():
    pytest.skip("a source distribution has no workflows", allow_module_level=True)

_PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
_RIGHTS = re.compile(r"^\s+([a-z-]+): (read|write|none)$", re.MULTILINE)
# Who may write what, and why: whatever else asks for a right to write is an error.
_MAY_WRITE = {
    ("codeql.yml", "analyze", "security-events"): "its findings",
    ("scorecard.yml", "scorecard", "security-events"): "its findings",
    ("scorecard.yml", "scorecard", "id-token"): "signs its result",
    ("release.yml", "attest", "id-token"): "signs the statement",
    ("release.yml", "attest", "attestations"): "stores the statement",
    ("release.yml", "publish", "id-token"): "is who it says it is, instead of a token",
    ("release.yml", "announce", "contents"): "makes the release of a tag that exists",
}


def _workflows() -> list[Path]:
    return sorted(_FOLDER.glob("*.y*ml"))


def _jobs(text: str) -> dict[str, str]:
    """Text of each job by its name."""
    _, _, jobs = text.partition("\njobs:\n")
    parts = re.split(r"^  ([\w-]+):\n", jobs, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _scripts(text: str) -> list[str]:
    """What is run by a shell: the values of `run`, over as many lines as are set in more deeply."""
    found: list[str] = []
    depth: int | None = None
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if depth is not None and (indent > depth or not line.strip()):
            found[-1] += "\n" + line
        elif match := re.match(r"\s*(?:- )?run:(.*)", line):
            found.append(match.group(1))
            depth = line.index("run:")
        else:
            depth = None
    return found


each_workflow = pytest.mark.parametrize("path", _workflows(), ids=lambda path: path.name)


def test_there_is_a_workflow_for_each_thing_that_is_promised() -> None:
    names = {path.stem for path in _workflows()}
    assert names >= {"ci", "release", "codeql", "scorecard", "fuzz", "newest"}


@each_workflow
def test_every_action_is_pinned_to_a_commit_and_names_its_version(path: Path) -> None:
    used = re.findall(r"uses: *(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert [action for action in used if not _PINNED.fullmatch(action)] == []


def test_an_action_has_the_same_commit_everywhere() -> None:
    texts = [path.read_text(encoding="utf-8") for path in _workflows()]
    used = {tuple(pinned.split("@")) for text in texts for pinned in _PINNED.findall(text)}
    assert len({action for action, _ in used}) == len(used)


@each_workflow
def test_a_workflow_has_no_right_that_a_job_does_not_ask_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"^permissions:.*$", text, re.MULTILINE) == ["permissions: {}"]
    assert [name for name, job in _jobs(text).items() if "\n    permissions:" not in f"\n{job}"] == []
    assert not re.search(r"permissions: *(write|read)-all", text)


@each_workflow
def test_only_these_jobs_may_write(path: Path) -> None:
    writes = {
        (path.name, name, right)
        for name, job in _jobs(path.read_text(encoding="utf-8")).items()
        for right, access in _RIGHTS.findall(job)
        if access == "write"
    }
    assert writes - _MAY_WRITE.keys() == set()


def test_every_right_to_write_that_is_explained_is_used() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in _workflows()}
    assert [key for key in _MAY_WRITE if (key[2], "write") not in _RIGHTS.findall(_jobs(texts[key[0]])[key[1]])] == []


@each_workflow
def test_no_checkout_leaves_its_credentials_behind(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    careful = re.findall(r"uses: actions/checkout@.*\n\s+with:\n(?:\s+.*\n)*?\s+persist-credentials: false", text)
    assert len(careful) == text.count("actions/checkout@")


@each_workflow
def test_no_script_holds_an_expression_that_an_outsider_can_fill(path: Path) -> None:
    """An expression is put into the script before the shell sees it: outsiders' words come by the environment."""
    scripts = _scripts(path.read_text(encoding="utf-8"))
    held = {expression for script in scripts for expression in re.findall(r"\$\{\{ *(.*?) *\}\}", script)}
    assert {expression for expression in held if not re.fullmatch(r"needs\.\w+\.result", expression)} == set()


@each_workflow
def test_nothing_runs_an_outsiders_change_with_our_rights(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [word for word in ("pull_request_target", "workflow_run", "issue_comment", "secrets.") if word in text] == []


@each_workflow
def test_every_job_ends_by_itself(path: Path) -> None:
    jobs = _jobs(path.read_text(encoding="utf-8"))
    assert jobs
    assert [name for name, job in jobs.items() if "timeout-minutes:" not in job] == []


def test_publishing_waits_for_a_maintainer_and_for_all_other_jobs() -> None:
    jobs = _jobs((_FOLDER / "release.yml").read_text(encoding="utf-8"))
    assert "    environment: pypi\n" in jobs["publish"]
    assert "needs: [attest]" in jobs["publish"]
    assert "needs: [test, build]" in jobs["attest"]
    assert [name for name in ("attest", "publish", "announce") if "actions/checkout" in jobs[name]] == []


def test_a_release_is_attested_listed_and_built_twice() -> None:
    jobs = _jobs((_FOLDER / "release.yml").read_text(encoding="utf-8"))
    assert "make reproducible sbom" in jobs["build"]
    assert "actions/attest-build-provenance@" in jobs["attest"]
    assert "attestations: true" in jobs["publish"]


def test_two_builds_are_compared_for_every_change() -> None:
    assert "reproducible" in _jobs((_FOLDER / "ci.yml").read_text(encoding="utf-8"))["check"]
    assert re.search(r"^for target in .*\breproducible\b", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.M)


def test_the_codec_and_the_server_are_fuzzed_for_an_hour_each_night() -> None:
    text = (_FOLDER / "fuzz.yml").read_text(encoding="utf-8")
    assert "cron:" in text
    assert "make fuzz FUZZ_S=3600" in text
