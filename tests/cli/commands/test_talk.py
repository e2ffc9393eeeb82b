"""`duologue talk`, as a user calls it, against our server over a socket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from duologue.audio.wav import Sound, read_wav
from duologue.cli import main
from duologue.cli.commands.demo import TURN_ORDER
from duologue.recording import RecordingReader
from tests.cli.conftest import Place, started, tone, write_wav

needs_full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


class Outcome:
    """The result of one call."""

    def __init__(self, code: int, shown: Any) -> None:
        self.code = code
        self.out: str = shown.out
        self.err: str = shown.err

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = self.lines[-1]["summary"]
        return summary


@pytest.fixture
def talk(scripted_server: Place, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str | Path, url: str | None = None, api_key: str | None = None) -> Outcome:
        where = ["--url", url or scripted_server.url, "--api-key", api_key or scripted_server.api_key]
        code = main(["talk", *map(str, arguments), *where])
        return Outcome(code, capsys.readouterr())

    return run


def test_a_spoken_turn_goes_from_speech_to_speech(talk: Any, speech: Path) -> None:
    outcome = talk(speech, "--json", "--fast")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.summary["transcripts"] == {"user": "hello", "server": "Hello, this is a script."}
    assert outcome.summary["turns"][0]["status"] == "completed"
    assert outcome.summary["failure"] is None


def test_json_lines_show_every_event_of_a_turn_in_order(talk: Any, speech: Path) -> None:
    outcome = talk(speech, "--json", "--fast")
    received = iter([line["event"]["type"] for line in outcome.lines[:-1] if line["direction"] == "received"])
    assert [name for name in TURN_ORDER if name not in received] == []
    times = [line["at_s"] for line in outcome.lines[:-1]]
    assert times == sorted(times)


def test_json_lines_have_sizes_in_place_of_audio(talk: Any, speech: Path) -> None:
    events = [line["event"] for line in talk(speech, "--json", "--fast").lines[:-1]]
    appended = [event["audio"] for event in events if event["type"] == "input_audio_buffer.append"]
    played = [event["delta"] for event in events if event["type"] == "response.output_audio.delta"]
    assert set(appended) == {4800}
    assert sum(played) > 0


def test_the_summary_counts_events_and_usage_and_measures_latency(talk: Any, speech: Path) -> None:
    summary = talk(speech, "--json", "--fast").summary
    assert summary["events"]["received"]["response.done"] == 1
    assert summary["usage"]["responses"]["total_tokens"] > 0
    assert set(summary["latencies_ms"]) == {"first_transcript", "first_text", "first_audio"}
    assert all(0 <= value < 5000 for value in summary["latencies_ms"].values())
    assert "speech" in summary["latencies_from"]


def test_in_real_time_speech_takes_as_long_as_it_lasts(talk: Any, speech: Path) -> None:
    outcome = talk(speech, "--json")
    [begun_s] = [line["at_s"] for line in outcome.lines[:-1] if line["event"]["type"] == "session.updated"]
    appends = [line["at_s"] for line in outcome.lines[:-1] if line["event"]["type"] == "input_audio_buffer.append"]
    # Each chunk is sent when it would have been spoken: never early, on a busy machine late.
    assert all(at_s - begun_s > number / 10 - 0.01 for number, at_s in enumerate(appends[:4], 1))


def test_the_reply_and_the_recording_are_written(talk: Any, speech: Path, tmp_path: Path) -> None:
    reply, record = tmp_path / "reply.wav", tmp_path / "session.jsonl"
    outcome = talk(speech, "--json", "--fast", "--out", reply, "--record", record)
    assert outcome.summary["files"] == {"reply": str(reply), "recording": str(record)}
    # 60 ms a character is what the scripted voice takes.
    assert read_wav(reply).duration_ms == pytest.approx(60 * len("Hello, this is a script."), abs=100)
    with RecordingReader(record) as recording:
        assert len(list(recording)) == sum(sum(counts.values()) for counts in outcome.summary["events"].values())
    assert "sesame" not in record.read_text(encoding="utf-8")


def test_a_typed_message_is_answered(talk: Any) -> None:
    outcome = talk("--say", "hello?", "--json")
    sent = [line["event"]["type"] for line in outcome.lines[:-1] if line["direction"] == "sent"]
    assert sent == ["session.update", "conversation.item.create", "response.create"]
    assert (outcome.code, outcome.summary["transcripts"]["server"]) == (0, "Hello, this is a script.")


def test_an_answer_can_be_text_only(talk: Any, tmp_path: Path) -> None:
    outcome = talk("--say", "hello?", "--json", "--text", "--out", tmp_path / "reply.wav")
    assert outcome.summary["transcripts"]["server"] == "Hello, this is a script."
    assert outcome.summary["latencies_ms"]["first_audio"] is None
    assert outcome.summary["files"] == {}
    assert not (tmp_path / "reply.wav").exists()


def test_instructions_and_voice_reach_the_session(talk: Any) -> None:
    outcome = talk("--say", "hello?", "--json", "--instructions", "Be brief.", "--voice", "low", "--model", "small")
    session = next(line["event"] for line in outcome.lines if line["event"]["type"] == "session.updated")["session"]
    assert (session["instructions"], session["audio"]["output"]["voice"]) == ("Be brief.", "low")
    assert session["model"] == "small"


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 44_100, 48_000])
def test_any_sample_rate_will_do(talk: Any, tmp_path: Path, rate_hz: int) -> None:
    outcome = talk(write_wav(tmp_path / "odd.wav", tone(rate_hz=rate_hz)), "--json", "--fast")
    assert (outcome.code, outcome.summary["transcripts"]["user"]) == (0, "hello")


def test_without_a_terminal_the_timeline_is_plain_lines_with_runs_folded(talk: Any, speech: Path) -> None:
    outcome = talk(speech, "--fast")
    assert outcome.code == 0
    assert "\x1b" not in outcome.out
    appends = [line for line in outcome.out.splitlines() if "→  input_audio_buffer.append " in line]
    assert 1 <= len(appends) <= 4
    assert "“Hello, this is a script.”" in outcome.out


# --- what can go wrong


def failed(outcome: Outcome, sentence: str) -> bool:
    """Whether the exit code is 1 and standard error is one line with these words."""
    return outcome.code == 1 and outcome.err.count("\n") == 1 and sentence in outcome.err


def test_what_is_no_speech_is_rejected(talk: Any, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not a sound", encoding="utf-8")
    assert failed(talk(tmp_path / "text.wav"), "text.wav is not a WAV file")
    assert failed(talk(write_wav(tmp_path / "empty.wav", Sound(b"", 24_000))), "empty.wav is an empty WAV")
    assert failed(talk(tmp_path), "Is a directory")


def test_silence_begins_no_turn_and_the_sentence_says_so(talk: Any, tmp_path: Path) -> None:
    quiet = write_wav(tmp_path / "quiet.wav", tone(amplitude=20))
    outcome = talk(quiet, "--fast", "--json", "--timeout", "0.5")
    assert failed(outcome, "the server detected no speech, and there is none")
    assert outcome.summary["failure"] in outcome.err


def test_a_server_that_is_not_there_is_named(talk: Any, speech: Path) -> None:
    assert failed(talk(speech, url="ws://127.0.0.1:1"), "cannot reach ws://127.0.0.1:1/v1/realtime")


def test_a_wrong_key_is_reported_with_the_servers_message(talk: Any, speech: Path) -> None:
    outcome = talk(speech, "--json", api_key="not-the-key")
    assert failed(outcome, "Incorrect API key provided.")
    assert "3000" in outcome.err
    assert outcome.lines[0]["event"]["type"] == "error"
    assert "not-the-key" not in outcome.out + outcome.err


def test_a_key_that_cannot_be_sent_is_not_shown(talk: Any, speech: Path) -> None:
    outcome = talk(speech, api_key="sec\nret")
    assert failed(outcome, "the header Authorization holds characters that HTTP does not allow")
    assert "ret" not in outcome.out + outcome.err


def test_a_turn_cut_short_leaves_what_was_received(talk: Any, tmp_path: Path, speech: Path) -> None:
    outcome = talk(speech, "--fast", "--json", "--record", tmp_path / "s.jsonl", api_key="not-the-key")
    with RecordingReader(tmp_path / "s.jsonl") as recording:
        assert "invalid_api_key" in str(next(recording).message)
    assert outcome.summary["files"] == {"recording": str(tmp_path / "s.jsonl")}


def test_the_key_of_the_environment_goes_to_a_named_server(
    speech: Path, scripted_server: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", scripted_server.api_key)
    assert main(["talk", str(speech), "--fast", "--url", scripted_server.url]) == 0


@needs_full_disk
@pytest.mark.parametrize("option", ["--record", "--out"])
def test_a_full_disk_ends_the_file_and_not_the_conversation(talk: Any, speech: Path, option: str) -> None:
    outcome = talk(speech, "--fast", "--json", option, "/dev/full")
    assert failed(outcome, "/dev/full stopped: No space left on device")
    assert outcome.summary["transcripts"]["server"] == "Hello, this is a script."
    assert outcome.summary["turns"][0]["status"] == "completed"


@pytest.mark.parametrize("option", ["--record", "--out"])
def test_a_file_that_cannot_be_made_is_named(talk: Any, speech: Path, option: str) -> None:
    assert failed(talk(speech, option, "/no/such/folder/file"), "cannot write /no/such/folder/file")


@pytest.mark.parametrize("option", ["--out", "--record"])
def test_nothing_overwrites_the_question(talk: Any, speech: Path, option: str) -> None:
    before = speech.read_bytes()
    outcome = talk(speech, option, speech)
    assert (outcome.code, outcome.out) == (2, "")
    assert f"{option} {speech} would overwrite the file to send" in outcome.err
    assert speech.read_bytes() == before


def test_the_reply_and_the_recording_are_two_files(talk: Any, speech: Path, tmp_path: Path) -> None:
    one, link = tmp_path / "one", tmp_path / "link"
    link.symlink_to(one)
    outcome = talk(speech, "--out", one, "--record", link)
    assert (outcome.code, outcome.err) == (
        2,
        f"duologue: --out and --record are the same file, {one}: name two files\n",
    )
    assert not one.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_it_leaves_a_valid_recording_and_no_traceback(
    scripted_server: Place, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    long = write_wav(tmp_path / "long.wav", tone(30_000))
    command = [sys.executable, "-m", "duologue", "talk", str(long), "--json", "--record", str(tmp_path / "s.jsonl")]
    environment = {**os.environ, "OPENAI_API_KEY": scripted_server.api_key}
    with started(
        [*command, "--url", scripted_server.url],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
    ) as process:  # fmt: skip
        assert process.stdout is not None
        shown = [next(line for line in process.stdout if "speech_started" in line)]
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    shown += out.splitlines()
    assert (process.returncode, err) == (code, "")
    assert json.loads(shown[-1])["summary"]["failure"] == "interrupted"
    with RecordingReader(tmp_path / "s.jsonl") as recording:
        assert "input_audio_buffer.speech_started" in {json.loads(frame.message)["type"] for frame in recording}
        assert not recording.cut_off
