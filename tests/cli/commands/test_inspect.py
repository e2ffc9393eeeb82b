"""`duologue inspect`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
import webbrowser
from pathlib import Path
from typing import ClassVar

import pytest

from duologue.cli.page_server import PageServer
from duologue.recording import Frame, RecordingLine, RecordingWriter, SessionFamily
from tests.cli.conftest import Command, started, write_lines
from tests.inspection._calls import Call, barge_in_call, push_to_talk_call, vad_call


def written(path: Path, lines: list[RecordingLine], *, family: SessionFamily = "realtime") -> Path:
    with RecordingWriter(path, family=family) as writer:
        for line in lines:
            writer.write_line(line)
    return path


@pytest.mark.parametrize(
    ("lines", "first_audio", "interruptions"),
    [
        (vad_call(), [700, 1300], []),
        (push_to_talk_call(), [500, None], []),
        (barge_in_call(), [900, 800], [(1180, 20)]),
    ],
    ids=["server VAD", "push to talk", "barge-in"],
)
def test_the_figures_of_a_recording_are_those_that_were_worked_out_by_hand(
    tmp_path: Path,
    command: Command,
    lines: list[RecordingLine],
    first_audio: list[int | None],
    interruptions: list[tuple[int, int]],
) -> None:
    path = written(tmp_path / "call.jsonl", lines)
    shown = json.loads(command("inspect", path, "--json").out)
    assert [turn["first_audio_ms"] for turn in shown["call"]["turns"]] == first_audio
    assert [(each["heard_ms"], each["yield_ms"]) for each in shown["call"]["interruptions"]] == interruptions
    assert shown["figures"]["turns"] == 2
    assert shown["figures"]["interruptions"] == len(interruptions)
    assert shown["cut_off"] is False


def test_what_comes_before_damage_is_inspected(tmp_path: Path, command: Command) -> None:
    path = written(tmp_path / "call.jsonl", vad_call())
    with path.open("ab") as file:
        file.write(b"garbage\n")
    shown = command("inspect", path, "--json", code=1)
    assert json.loads(shown.out)["figures"]["turns"] == 2
    assert "line " in shown.err


def test_a_recording_that_a_crash_has_cut_off_is_inspected(tmp_path: Path, command: Command) -> None:
    path = written(tmp_path / "call.jsonl", vad_call())
    path.write_bytes(path.read_bytes()[:-7])
    assert json.loads(command("inspect", path, "--json").out)["cut_off"] is True


def test_other_files_are_refused_in_a_sentence(tmp_path: Path, command: Command) -> None:
    path = tmp_path / "frames.jsonl"
    write_lines(path, {"type": "response.cancel"})
    assert "does not say when each message passed" in command("inspect", path, "--json", code=2).err
    assert "there is no file" in command("inspect", tmp_path / "none.jsonl", code=2).err


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path, command: Command) -> None:
    path, out = written(tmp_path / "call.jsonl", vad_call()), tmp_path / "call.html"
    shown = command("inspect", path, "--out", out).out
    assert "68 frames, 8.8 s" in shown
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert out.stat().st_mode & 0o077 == 0
    assert "exists already" in command("inspect", path, "--out", out, code=2).err
    command("inspect", path, "--out", out, "--force", "--audio", "none", "--redact", "text, tools")
    assert "What time is it?" not in out.read_text(encoding="utf-8")
    other = written(tmp_path / "other.jsonl", barge_in_call())
    with other.open("ab") as file:
        file.write(b"garbage\n")
    assert "line " in command("inspect", other, "--out", tmp_path / "damaged.html", code=1).err
    assert (tmp_path / "damaged.html").exists()


def test_calls_of_other_audio_are_not_compared(tmp_path: Path, command: Command) -> None:
    loud = Call()
    loud.session(0.1, None)
    loud.client(0.5, "input_audio_buffer.append", audio="AAEC" * 800)
    path, other = written(tmp_path / "a.jsonl", loud.lines), written(tmp_path / "b.jsonl", vad_call())
    out = tmp_path / "a.html"
    assert "the users' audio of the two calls differs" in command("inspect", path, "--against", other, "--out", out,
                                                                   code=2).err  # fmt: skip
    assert not out.exists()
    command("inspect", path, "--against", path, "--out", out)


def test_options_that_cannot_be_right_are_told(tmp_path: Path, command: Command) -> None:
    path = written(tmp_path / "call.jsonl", [])
    assert (
        "--redact takes audio, text, tools, instructions" in command("inspect", path, "--redact", "words", code=2).err
    )
    assert "--audio takes all, speech, none" in command("inspect", path, "--audio", "loud", code=2).err
    prices = tmp_path / "prices.toml"
    prices.write_text("[models.m]\nwords = 1", encoding="utf-8")
    assert "is no price list" in command("inspect", path, "--prices", prices, code=2).err


def test_the_call_of_a_browser_is_inspected(tmp_path: Path, command: Command) -> None:
    messages = [
        {
            "type": "send" if line.direction == "sent" else "receive",
            "time": 1.8e9 + line.at_s,
            "opcode": 1,
            "data": line.message,
        }
        for line in vad_call()
        if isinstance(line, Frame)
    ]
    entry = {"request": {"url": "wss://host/v1/realtime"}, "_webSocketMessages": messages}
    path = tmp_path / "call.har"
    path.write_text(json.dumps({"log": {"entries": [entry]}}), encoding="utf-8")
    shown = json.loads(command("inspect", path, "--json").out)
    assert [turn["first_audio_ms"] for turn in shown["call"]["turns"]] == [700, 1300]
    command("inspect", path, "--out", tmp_path / "call.html")


def test_figures_leave_out_what_the_page_leaves_out(tmp_path: Path, command: Command) -> None:
    path = written(tmp_path / "call.jsonl", vad_call())
    shown = command("inspect", path, "--json", "--redact", "text,tools").out
    assert json.loads(shown)["call"]["turns"][0]["user_text"] == "(text, 16 characters)"
    assert "multiply" in shown
    assert '"a"' not in shown


def test_a_price_list_adds_the_cost_to_the_figures(tmp_path: Path, command: Command) -> None:
    path = written(tmp_path / "call.jsonl", vad_call())
    prices = tmp_path / "prices.toml"
    prices.write_text("[models.m]\ninput_text = 1", encoding="utf-8")
    shown = json.loads(command("inspect", path, "--json", "--prices", prices).out)
    assert shown["figures"]["cost"] is None, "the recording does not say its model"


def test_a_call_is_written_for_other_programs(tmp_path: Path, command: Command) -> None:
    path, out = written(tmp_path / "call.jsonl", vad_call()), tmp_path / "call.out"
    assert "needs --out" in command("inspect", path, "--export", "wav", code=2).err
    assert "--export takes wav, labels, perfetto" in command("inspect", path, "--export", "mp3", code=2).err
    command("inspect", path, "--export", "labels", "--out", out)
    assert "user text: What time is it?" in out.read_text(encoding="utf-8")
    command("inspect", path, "--export", "wav", "--out", out, "--force")
    assert out.read_bytes().startswith(b"RIFF")


class Window(webbrowser.BaseBrowser):
    """A browser that remembers what it was given."""

    opened: ClassVar[list[str]] = []

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        self.opened.append(url)
        return True


@pytest.mark.parametrize(("browser", "count"), [(Window(), 1), (webbrowser.GenericBrowser("lynx"), 0), (None, 0)])
def test_a_browser_with_a_window_is_opened_and_one_in_the_terminal_is_not(
    tmp_path: Path,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    browser: webbrowser.BaseBrowser | None,
    count: int,
) -> None:
    def get() -> webbrowser.BaseBrowser:
        if browser is None:
            raise webbrowser.Error("could not locate runnable browser")
        return browser

    def run(server: PageServer) -> None:
        raise KeyboardInterrupt

    Window.opened.clear()
    monkeypatch.setattr(webbrowser, "get", get)
    monkeypatch.setattr(PageServer, "run", run)
    shown = command("inspect", written(tmp_path / "call.jsonl", vad_call())).out
    assert Window.opened == [shown.split()[0]] * count


@pytest.mark.skipif(sys.platform == "win32", reason="a process there gets no Ctrl-C of its own")
def test_the_page_is_served_until_ctrl_c(tmp_path: Path) -> None:
    path = written(tmp_path / "call.jsonl", vad_call())
    command = [sys.executable, "-m", "duologue", "inspect", "-", "--no-open"]
    with path.open("rb") as file, started(command, stdin=file, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.split()[0]
        assert line == f"{url}  (until Ctrl-C)\n"
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert answer.read().startswith(b"<!doctype html>")
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0


@pytest.mark.parametrize(
    "options",
    [("--out", "{call}", "--force"), ("--export", "wav", "--out", "{call}", "--force"), ("--out", "none/call.html")],
)
def test_nothing_is_written_over_the_recording_or_where_it_cannot_be(
    options: tuple[str, ...], tmp_path: Path, command: Command
) -> None:
    path = written(tmp_path / "call.jsonl", vad_call())
    before = path.read_bytes()
    shown = command("inspect", path, *(each.format(call=path) for each in options), code=2)
    assert "is a file that is read" in shown.err or "cannot write" in shown.err
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "options",
    [
        ("--json", "--out", "call.html"),
        ("--json", "--export", "wav"),
        ("--json", "--against", "{call}"),
        ("--export", "wav", "--out", "call.wav", "--against", "{call}"),
    ],
)
def test_options_of_which_one_would_have_no_effect_are_refused(
    options: tuple[str, ...], tmp_path: Path, command: Command
) -> None:
    path = written(tmp_path / "call.jsonl", vad_call())
    assert "do not go together" in command("inspect", path, *(e.format(call=path) for e in options), code=2).err
