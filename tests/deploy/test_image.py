"""The Dockerfile and its installer, as far as they can be read; the howto says how they are run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib

import pytest

from tests.deploy._options import check_variables
from tests.deploy._site import DEPLOY
from tests.repo._tree import ROOT


def instructions() -> list[tuple[str, str]]:
    """Each instruction with its arguments; continued lines are one."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    pairs = (line.split(None, 1) for line in joined.splitlines() if line.strip())
    return [(name, arguments) for name, arguments in pairs]


def test_the_last_stage_has_what_the_first_has_installed_and_runs_as_no_one() -> None:
    found = instructions()
    last = found[max(at for at, (name, _) in enumerate(found) if name == "FROM") :]
    assert ("COPY", "--from=build /opt/duologue /opt/duologue") in last
    assert not any("pip" in arguments for _, arguments in last)
    assert dict(last)["USER"] == "65532:65532"
    assert (json.loads(dict(last)["ENTRYPOINT"]), json.loads(dict(last)["CMD"])) == (["duologue"], ["serve"])


def test_nothing_is_downloaded_but_packages() -> None:
    used = {name for name, _ in instructions()}
    assert used == {"ARG", "FROM", "RUN", "WORKDIR", "COPY", "USER", "ENV", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL",
                    "ENTRYPOINT", "CMD"}  # fmt: skip
    for name, arguments in instructions():
        if name in ("RUN", "COPY"):
            assert "://" not in arguments


def test_what_is_copied_is_there_and_let_through() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    for name, arguments in instructions():
        if name == "COPY" and not arguments.startswith("--from"):
            for source in arguments.split()[:-1]:
                assert (ROOT / source).exists()
                assert f"!{source}" in ignored


def test_its_extras_and_options_are_some() -> None:
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    extras = next(text for name, text in instructions() if name == "ARG" and text.startswith("EXTRAS="))
    assert set(extras.removeprefix("EXTRAS=").split(",")) <= set(known)
    given = dict(pair.split("=", 1) for name, text in instructions() if name == "ENV" for pair in text.split())
    check_variables(given)


def test_the_health_check_is_a_program_that_fails_where_no_server_answers() -> None:
    check = next(text for name, text in instructions() if name == "HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])
    assert command[:2] == ["python3", "-c"]
    done = subprocess.run(
        [sys.executable, *command[1:]], env={"DUOLOGUE_PORT": "1"}, capture_output=True, timeout=30, check=False
    )
    assert done.returncode != 0


@pytest.mark.skipif(sys.platform == "win32", reason="a script for Unix")
def test_the_installer_is_a_script_that_the_shell_reads() -> None:
    subprocess.run(["sh", "-n", str(DEPLOY / "install")], check=True, timeout=10)
