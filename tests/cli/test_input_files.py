"""Files that commands read: standard input, names that look like options, and what is no file to read."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from duologue.audio.wav import Sound
from duologue.cli.input_files import check_readable, is_standard_input, read_sound, with_standard_input
from duologue.errors import AudioError
from tests.cli.conftest import Command, tone, write_wav

READERS = {
    "check": ["check"],
    "convert": ["convert", "--from=openai", "--to=openai-beta"],
    "replay": ["replay"],
}
FRAME = b'{"type":"input_audio_buffer.cleared","event_id":"e"}\n'


def stdin_of(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))


@pytest.mark.parametrize(
    ("arguments", "read_as"),
    [
        (["check", "-"], ["check", "--", "-"]),
        (["check", "a", "-", "--json"], ["check", "a", "--json", "--", "-"]),
        (["check", "-", "-"], ["check", "--", "-", "-"]),
        (["check", "--", "-"], ["check", "--", "-"]),
        (["check", "--json", "a"], ["check", "--json", "a"]),
    ],
)
def test_standard_input_stands_where_the_parser_takes_it_for_a_file(arguments: list[str], read_as: list[str]) -> None:
    assert with_standard_input(arguments) == read_as


def test_a_file_named_like_standard_input_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("./-").write_bytes(FRAME)
    stdin_of(b"", monkeypatch)
    assert "1 frame" in command("check", f".{os.sep}-").out
    assert is_standard_input(Path("-"))
    assert not is_standard_input(tmp_path / "-")
    check_readable(Path("-"))


@pytest.mark.parametrize("reader", READERS)
def test_frames_come_from_standard_input(reader: str, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin_of(FRAME, monkeypatch)
    shown = command(*READERS[reader], "-")
    assert "input_audio_buffer.cleared" in shown.out
    stdin_of(b"", monkeypatch)
    assert command(*READERS[reader], "-", code=1).err == "duologue: standard input is empty: it holds no frames\n"


def test_a_clip_comes_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = tone(100)
    data = write_wav(tmp_path / "a.wav", sound).read_bytes()
    assert read_sound(tmp_path / "a.wav") == sound
    stdin_of(data, monkeypatch)
    assert read_sound(Path("-")) == Sound(sound.pcm16, sound.rate_hz)
    stdin_of(b"OggS", monkeypatch)
    with pytest.raises(AudioError, match="standard input is not a WAV file: it is an Ogg file"):
        read_sound(Path("-"))


def test_a_failure_of_standard_input_is_an_audio_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": Failing()})())
    with pytest.raises(AudioError, match="cannot read standard input: Input/output error"):
        read_sound(Path("-"))


@pytest.mark.parametrize("arguments", [["talk", "--sya", "hi"], ["check", "--jsn", "x"], ["replay", "-x"]])
def test_an_option_that_does_not_exist_is_no_file(arguments: list[str], command: Command) -> None:
    assert "Unknown option" in command(*arguments, code=2).err


# --- what is no file to read ------------------------------------------------------------------------------------------

Place = Callable[[Path], None]


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 30)


def sparse_behind_a_frame(path: Path) -> None:
    with path.open("wb") as file:
        file.write(FRAME)
        file.truncate(1 << 28)


def binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)))


def text(path: Path) -> None:
    path.write_text("Dear Sir or Madam,\n", encoding="utf-8")


def wav(path: Path) -> None:
    write_wav(path, tone(20))


def folder(path: Path) -> None:
    path.mkdir()


def empty(path: Path) -> None:
    path.touch()


def loop(path: Path) -> None:
    path.symlink_to(path)


BAD: dict[str, tuple[Place, int]] = {
    "missing": (lambda path: None, 2),
    "a folder": (folder, 1),
    "empty": (empty, 1),
    "binary": (binary, 1),
    "text": (text, 1),
    "a WAV": (wav, 1),
    "1 GiB of nothing": (sparse, 1),
    "256 MiB of nothing behind a frame": (sparse_behind_a_frame, 1),
    "a link to itself": (loop, 2),
    "a link to nothing": (lambda path: path.symlink_to("nothing"), 2),
}


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
@pytest.mark.parametrize(
    ("reader", "bad"),
    [(reader, bad) for reader in (*READERS, "talk") for bad in BAD if (reader, bad) != ("talk", "a WAV")],
)
def test_a_file_that_cannot_be_read_is_one_sentence(reader: str, bad: str, tmp_path: Path, command: Command) -> None:
    make, code = BAD[bad]
    path = tmp_path / "file"
    make(path)
    shown = command(*READERS.get(reader, ["talk"]), path, code=code)
    assert shown.err.count("\n") == 1
    assert str(path) in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("reader", [*READERS, "talk"])
def test_a_name_that_is_no_text_is_shown_all_the_same(reader: str, tmp_path: Path, command: Command) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b.txt"))
    path.write_bytes(b"text\n")
    shown = command(*READERS.get(reader, ["talk"]), path, code=1)
    assert (shown.err.count("\n"), "\\udcff\\x1b.txt" in shown.err) == (1, True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("line", [b"y\n", b'{"type":"a"}\n', b'{"type":"' + b"x" * 4000, bytes(100)])
def test_checking_what_never_ends_ends(line: bytes, tmp_path: Path, command: Command) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        with pipe.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(line * 1000)
            except BrokenPipeError:
                pass

    writer = threading.Thread(target=write)
    writer.start()
    try:
        shown = command("check", pipe, "--json", code=1)
    finally:
        writer.join(5)
    assert not writer.is_alive()
    assert str(pipe) in shown.err
    assert len(json.loads(shown.out)["files"][0]["problems"]) <= 10_000
