"""Files of speech are their owner's alone, and are written to where they are named and nowhere else."""

import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from duologue.audio.files import check_creatable, create_file, whole_file
from duologue.audio.wav import WavWriter
from duologue.errors import AudioError, RecordingError
from duologue.recording import RecordingWriter

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither modes nor such links")

Write = Callable[[Path, bool], object]


def _wav(path: Path, replace: bool) -> None:
    with WavWriter(path, rate_hz=8_000, replace=replace) as writer:
        writer.write(bytes(160))


def _recording(path: Path, replace: bool) -> None:
    with RecordingWriter(path, replace=replace) as writer:
        writer.write("sent", "{}")


writers = pytest.mark.parametrize("write", [_wav, _recording])


@posix
@writers
def test_a_file_of_speech_is_its_owners_alone_whatever_the_umask(tmp_path: Path, write: Write) -> None:
    before = os.umask(0)
    try:
        write(tmp_path / "speech", False)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "speech").stat().st_mode) == 0o600


@posix
@writers
@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("target", ["there", "not there"])
def test_a_link_is_not_followed(tmp_path: Path, write: Write, replace: bool, target: str) -> None:
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "speech"
    if target == "there":
        elsewhere.write_text("precious", encoding="utf-8")
    link.symlink_to(elsewhere)
    with pytest.raises((AudioError, RecordingError), match="a symbolic link, which is not followed"):
        write(link, replace)
    assert link.is_symlink()
    assert not elsewhere.exists() or elsewhere.read_text(encoding="utf-8") == "precious"


@writers
def test_a_file_that_is_there_stays_unless_it_is_to_be_replaced(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "speech"
    path.write_text("precious", encoding="utf-8")
    with pytest.raises((AudioError, RecordingError), match="it exists already; name another file"):
        write(path, False)
    assert path.read_text(encoding="utf-8") == "precious"
    write(path, True)
    assert b"precious" not in path.read_bytes()


@posix
@writers
def test_another_name_of_a_file_that_is_replaced_keeps_its_content(tmp_path: Path, write: Write) -> None:
    path, other = tmp_path / "speech", tmp_path / "other"
    path.write_text("precious", encoding="utf-8")
    path.chmod(0o666)
    os.link(path, other)
    with other.open(encoding="utf-8") as watched:
        write(path, True)
        assert watched.read() == "precious"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
def test_a_device_is_written_to_and_a_folder_or_a_pipe_is_no_file(tmp_path: Path) -> None:
    with create_file("/dev/null", replace=False) as file:
        file.write(b"x")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(OSError, match="it is no file"):
            create_file(path)


@posix
def test_what_could_not_be_made_is_known_before_and_nothing_is_made(tmp_path: Path) -> None:
    there, new = tmp_path / "there", tmp_path / "new"
    there.write_text("precious", encoding="utf-8")
    check_creatable(there)
    check_creatable(new)
    with pytest.raises(FileExistsError):
        check_creatable(there, replace=False)
    with pytest.raises(FileNotFoundError):
        check_creatable(tmp_path / "no" / "folder")
    with pytest.raises(OSError, match="it is no file"):
        check_creatable(tmp_path)
    assert there.read_text(encoding="utf-8") == "precious"
    assert not new.exists()


def _begun(path: Path, *, replace: bool) -> None:
    with whole_file(path, replace=replace) as file:
        file.write(bytes(100_000))
        raise OSError(errno.ENOSPC, "full")


def _overtaken(path: Path) -> None:
    with whole_file(path, replace=False) as file:
        path.write_bytes(b"of another program")
        file.write(b"of now")


@pytest.mark.parametrize("replace", [False, True])
def test_a_whole_file_is_there_when_it_is_whole(tmp_path: Path, replace: bool) -> None:
    path = tmp_path / "page.html"
    if replace:
        path.write_bytes(b"of before")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match=r"page\.html"):
        _begun(path, replace=replace)
    assert sorted(tmp_path.iterdir()) == before
    assert not replace or path.read_bytes() == b"of before"
    with whole_file(path, replace=replace) as file:
        file.write(b"of now")
    assert path.read_bytes() == b"of now"
    assert list(tmp_path.iterdir()) == [path]
    assert sys.platform == "win32" or stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_whole_file_replaces_nothing_without_leave(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with pytest.raises(FileExistsError):
        _overtaken(path)
    assert path.read_bytes() == b"of another program"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileExistsError), whole_file(path, replace=False):
        pass


@posix
def test_a_full_device_is_named() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no full device")
    with pytest.raises(OSError, match="/dev/full"), whole_file("/dev/full") as file:
        file.write(bytes(100))
