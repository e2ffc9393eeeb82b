"""Asterisk in a root of its own: Debian's packages, downloaded and unpacked below `.venv`, installed nowhere."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Final

from tests.repo._tree import ROOT

__all__ = ["NoAsterisk", "private_root"]

_SUITE: Final = "sid"
"""The only suite of Debian with Asterisk 22."""

_PACKAGES: Final = ("asterisk", "dash", "coreutils")
_KEYS: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_TOOLS: Final = ("apt-get", "dpkg-deb", "chroot")
_DEVICES: Final = {"null": 3, "zero": 5, "random": 8, "urandom": 9}
"""Character devices of major 1: memory devices of the kernel."""

_DOWNLOAD_S: Final = 300
"""85 MB."""


class NoAsterisk(Exception):
    """It cannot be had here; the message says why."""


def private_root() -> Path:
    """The root, with Asterisk's programs and no configuration; made at the first call, which takes half a minute.

    Raises:
        NoAsterisk: this is no Debian, these are not the rights of root, or no mirror has the packages.
    """
    folder = ROOT / ".venv" / "asterisk"
    root, stamp = folder / "root", folder / "ready"
    if os.name != "posix" or os.geteuid() != 0:
        raise NoAsterisk("only root may change the root of a process")
    if stamp.exists():
        return root
    if missing := [tool for tool in _TOOLS if shutil.which(tool) is None]:
        raise NoAsterisk(f"this is no Debian: there is no {', '.join(missing)}")
    if not _KEYS.exists():
        raise NoAsterisk(f"this is no Debian: there is no {_KEYS}")
    shutil.rmtree(folder, ignore_errors=True)
    for package in _downloaded(folder / "apt"):
        _unpack(package, root)
    for name, minor in _DEVICES.items():
        (root / "dev").mkdir(exist_ok=True)
        os.mknod(root / "dev" / name, stat.S_IFCHR | 0o666, os.makedev(1, minor))
    shutil.rmtree(folder / "apt")
    stamp.touch()
    return root


def _mirror() -> str:
    """Where this machine has its own packages from."""
    lines = _run("apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages").splitlines()
    mirrors = [words[1] for line in lines if len(words := line.split()) == 2 and words[0] == "Debian"]
    if not mirrors:
        raise NoAsterisk("the machine's apt knows no mirror of Debian: run apt-get update")
    return mirrors[0]


def _downloaded(state: Path) -> list[Path]:
    """The packages and all that they depend on, as for a machine on which nothing is installed."""
    for folder in ("lists/partial", "cache/archives/partial", "etc/preferences.d"):
        (state / folder).mkdir(parents=True)
    (state / "status").touch()
    sources = state / "etc" / "sources.list"
    sources.write_text(f"deb [signed-by={_KEYS}] {_mirror()} {_SUITE} main\n", encoding="utf-8")
    options = {
        "Dir::Etc": f"{state}/etc",
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",
        "APT::Update::Error-Mode": "any",
        "Acquire::Languages": "none",
        "Acquire::Retries": "2",
    }
    apt = ("apt-get", "-qq", "-y", *(f"-o{name}={value}" for name, value in options.items()))
    _run(*apt, "update")
    _run(*apt, "install", "--download-only", *_PACKAGES)
    return sorted((state / "cache" / "archives").glob("*.deb"))


def _unpack(package: Path, root: Path) -> None:
    if not root.exists():  # as Debian's `base-files` would: these are links before anything is unpacked
        for name in ("bin", "sbin", "lib", "lib64"):
            (root / "usr" / name).mkdir(parents=True)
            (root / name).symlink_to(f"usr/{name}")
    _run("dpkg-deb", "--extract", str(package), str(root))


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=_DOWNLOAD_S)
    except subprocess.TimeoutExpired:
        raise NoAsterisk(f"{command[0]} took more than {_DOWNLOAD_S} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NoAsterisk(f"{command[0]} failed: {said[-1] if said else done.returncode}")
    return done.stdout
