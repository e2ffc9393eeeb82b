"""The units for systemd."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from duologue.server import limits_of
from tests.deploy._options import check_keys
from tests.deploy._site import DEPLOY

UNITS = DEPLOY / "systemd"

_ENDING_S = 8
"""What a server gives sessions, after drain_s, before it is killed."""


def options() -> dict[str, object]:
    read: dict[str, object] = tomllib.loads((UNITS / "serve.toml").read_text(encoding="utf-8"))["serve"]
    return read


def test_the_server_takes_the_options_of_the_file() -> None:
    check_keys(options())


def test_systemd_waits_longer_than_a_drain_takes() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNITS / "duologue.service", encoding="utf-8")
    given = options()["limit"]
    assert isinstance(given, dict)
    limits, _ = limits_of(f"{name}={value}" for name, value in given.items())
    assert unit.getint("Service", "TimeoutStopSec") > limits.drain_s + _ENDING_S


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_reads_the_units_and_finds_them_closed(tmp_path: Path) -> None:
    for name in ("duologue.service", "duologue.socket"):
        text = (UNITS / name).read_text(encoding="utf-8")
        # The program that is to be there: a unit whose program is missing is no good one.
        (tmp_path / name).write_text(text.replace("/opt/duologue/bin/duologue", "/bin/true"), encoding="utf-8")
    paths = [str(tmp_path / name) for name in ("duologue.service", "duologue.socket")]
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *paths],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )
    assert (verified.returncode, str(tmp_path) in verified.stderr) == (0, False), verified.stderr
