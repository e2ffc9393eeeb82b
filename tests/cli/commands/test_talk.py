"""`duologue talk`, as a user calls it, against our server over a socket."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from duologue.audio.wav import Sound, read_wav
from duologue.cli.commands.demo import TURN_ORDER
from duologue.recording import ClosedLine, Frame, NoteLine, PlaybackNote, RecordingReader
from tests.cli.conftest import KEY, SCRIPTED, Command, Place, Shown, running, serving, tone, write_wav

needs_full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@pytest.fixture
def talk(scripted_server: Place, command: Command) -> Command:
    """Talks with our server."""
    return partial(command, "talk", *scripted_server.options)


@pytest.fixture
def turn(talk: Command, speech: Path) -> Shown:
    """What a spoken turn shows as JSON lines."""
    return talk(speech, "--json", "--fast")


def test_a_spoken_turn_goes_from_speech_to_speech(turn: Shown) -> None:
    assert turn.err == ""
    assert turn.summary["transcripts"] == {"user": "hello", "server": "Hello, this is a script."}
    assert turn.summary["turns"][0]["status"] == "completed"
    assert turn.summary["failure"] is None


def test_json_lines_show_every_event_of_a_turn_in_order(turn: Shown) -> None:
    received = iter([line["event"]["type"] for line in turn.lines[:-1] if line["direction"] == "received"])
    assert [name for name in TURN_ORDER if name not in received] == []
    times = [line["at_s"] for line in turn.lines[:-1]]
    assert times == sorted(times)


def test_json_lines_have_sizes_in_place_of_audio(turn: Shown) -> None:
    events = [line["event"] for line in turn.lines[:-1]]
    appended = [event["audio"] for event in events if event["type"] == "input_audio_buffer.append"]
    played = [event["delta"] for event in events if event["type"] == "response.output_audio.delta"]
    assert set(appended) == {4800}
    assert sum(played) > 0


def test_the_summary_counts_events_and_usage_and_measures_latency(turn: Shown) -> None:
    summary = turn.summary
    assert summary["events"]["received"]["response.done"] == 1
    assert summary["usage"]["responses"]["total_tokens"] > 0
    assert set(summary["latencies_ms"]) == {"first_transcript", "first_text", "first_audio"}
    assert all(0 <= value < 5000 for value in summary["latencies_ms"].values())
    assert "speech" in summary["latencies_from"]


def test_in_real_time_speech_takes_as_long_as_it_lasts(talk: Command, speech: Path) -> None:
    outcome = talk(speech, "--json")
    [begun_s] = [line["at_s"] for line in outcome.lines[:-1] if line["event"]["type"] == "session.updated"]
    appends = [line["at_s"] for line in outcome.lines[:-1] if line["event"]["type"] == "input_audio_buffer.append"]
    # Each chunk is sent when it would have been spoken: never early, on a busy machine late.
    assert all(at_s - begun_s > number / 10 - 0.01 for number, at_s in enumerate(appends[:4], 1))


def test_the_reply_and_the_recording_are_written(talk: Command, speech: Path, tmp_path: Path) -> None:
    reply, record = tmp_path / "reply.wav", tmp_path / "session.jsonl"
    outcome = talk(speech, "--json", "--fast", "--out", reply, "--record", record)
    assert outcome.summary["files"] == {"reply": str(reply), "recording": str(record)}
    # 60 ms a character is what the scripted voice takes.
    assert read_wav(reply).duration_ms == pytest.approx(60 * len("Hello, this is a script."), abs=100)
    with RecordingReader(record) as recording:
        lines = list(recording.lines())
        assert recording.header.url is not None
        assert recording.header.url.endswith("/v1/realtime")
    frames = [line for line in lines if isinstance(line, Frame)]
    assert len(frames) == sum(sum(counts.values()) for counts in outcome.summary["events"].values())
    (heard,) = [line.note for line in lines if isinstance(line, NoteLine)]
    assert isinstance(heard, PlaybackNote)
    assert heard.heard_ms == read_wav(reply).duration_ms
    assert [(line.code, line.by) for line in lines if isinstance(line, ClosedLine)] == [(1000, "client")]
    assert "sesame" not in record.read_text(encoding="utf-8")


def test_a_typed_message_is_answered(talk: Command) -> None:
    outcome = talk("--say", "hello?", "--json")
    sent = [line["event"]["type"] for line in outcome.lines[:-1] if line["direction"] == "sent"]
    assert sent == ["session.update", "conversation.item.create", "response.create"]
    assert outcome.summary["transcripts"]["server"] == "Hello, this is a script."


def test_an_answer_can_be_text_only(talk: Command, tmp_path: Path) -> None:
    outcome = talk("--say", "hello?", "--json", "--text", "--out", tmp_path / "reply.wav")
    assert outcome.summary["transcripts"]["server"] == "Hello, this is a script."
    assert outcome.summary["latencies_ms"]["first_audio"] is None
    assert outcome.summary["files"] == {}
    assert not (tmp_path / "reply.wav").exists()


def test_instructions_and_voice_reach_the_session(talk: Command) -> None:
    outcome = talk("--say", "hello?", "--json", "--instructions", "Be brief.", "--voice", "low", "--model", "small")
    session = next(line["event"] for line in outcome.lines if line["event"]["type"] == "session.updated")["session"]
    assert (session["instructions"], session["audio"]["output"]["voice"]) == ("Be brief.", "low")
    assert session["model"] == "small"


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 44_100, 48_000])
def test_any_sample_rate_will_do(talk: Command, tmp_path: Path, rate_hz: int) -> None:
    outcome = talk(write_wav(tmp_path / "odd.wav", tone(rate_hz=rate_hz)), "--json", "--fast")
    assert outcome.summary["transcripts"]["user"] == "hello"


def test_without_a_terminal_the_timeline_is_plain_lines_with_runs_folded(talk: Command, speech: Path) -> None:
    outcome = talk(speech, "--fast")
    assert "\x1b" not in outcome.out
    appends = [line for line in outcome.out.splitlines() if "→  input_audio_buffer.append " in line]
    assert 1 <= len(appends) <= 4
    assert "“Hello, this is a script.”" in outcome.out


# --- what can go wrong


def says(outcome: Shown, sentence: str) -> bool:
    """Whether standard error is one line with these words."""
    return outcome.err.count("\n") == 1 and sentence in outcome.err


def test_what_is_no_speech_is_rejected(talk: Command, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not a sound", encoding="utf-8")
    assert says(talk(tmp_path / "text.wav", code=1), "text.wav is not a WAV file")
    assert says(talk(write_wav(tmp_path / "empty.wav", Sound(b"", 24_000)), code=1), "empty.wav is an empty WAV")
    assert says(talk(tmp_path, code=1), "Is a directory")


def test_silence_begins_no_turn_and_the_sentence_says_so(talk: Command, tmp_path: Path) -> None:
    quiet = write_wav(tmp_path / "quiet.wav", tone(amplitude=20))
    outcome = talk(quiet, "--fast", "--json", "--timeout", "0.5", code=1)
    assert says(outcome, "the server detected no speech, and there is none")
    assert outcome.summary["failure"] in outcome.err


def test_a_server_that_is_not_there_is_named(command: Command, speech: Path) -> None:
    nowhere = Place("ws://127.0.0.1:1", "k")
    assert says(command("talk", speech, *nowhere.options, code=1), "cannot reach ws://127.0.0.1:1/v1/realtime")


def test_a_wrong_key_is_reported_with_the_servers_message_and_what_was_received_is_recorded(
    scripted_server: Place, command: Command, speech: Path, tmp_path: Path
) -> None:
    wrong, record = replace(scripted_server, api_key="not-the-key"), tmp_path / "s.jsonl"
    outcome = command("talk", speech, "--json", "--record", record, *wrong.options, code=1)
    assert says(outcome, "Incorrect API key provided.")
    assert "3000" in outcome.err
    assert outcome.lines[0]["event"]["type"] == "error"
    assert "not-the-key" not in outcome.out + outcome.err
    with RecordingReader(record) as recording:
        assert "invalid_api_key" in str(next(recording).message)
    assert outcome.summary["files"] == {"recording": str(record)}


def test_a_key_that_cannot_be_sent_is_not_shown(command: Command, speech: Path) -> None:
    outcome = command("talk", speech, *Place("ws://127.0.0.1:1", "sec\nret").options, code=1)
    assert says(outcome, "the header Authorization holds characters that HTTP does not allow")
    assert "ret" not in outcome.out + outcome.err


def test_the_key_of_the_environment_goes_to_a_named_server(
    speech: Path, scripted_server: Place, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", scripted_server.api_key)
    command("talk", speech, "--fast", "--url", scripted_server.url)


@needs_full_disk
@pytest.mark.parametrize("option", ["--record", "--out"])
def test_a_full_disk_ends_the_file_and_not_the_conversation(talk: Command, speech: Path, option: str) -> None:
    outcome = talk(speech, "--fast", "--json", option, "/dev/full", code=1)
    assert says(outcome, "/dev/full stopped: No space left on device")
    assert outcome.summary["transcripts"]["server"] == "Hello, this is a script."
    assert outcome.summary["turns"][0]["status"] == "completed"


@pytest.mark.parametrize("option", ["--record", "--out"])
def test_a_file_that_cannot_be_made_is_named(talk: Command, speech: Path, option: str) -> None:
    assert says(talk(speech, option, "/no/such/folder/file", code=1), "cannot write /no/such/folder/file")


@pytest.mark.parametrize("option", ["--record", "--out"])
def test_a_connection_that_fails_makes_no_file_and_replaces_none(command: Command, tmp_path: Path, option: str) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("precious", encoding="utf-8")
    for file in (old, new):
        command("talk", "--say", "hi", "--url", "ws://127.0.0.1:1", "--force", option, file, code=1)
    assert old.read_text(encoding="utf-8") == "precious"
    assert not new.exists()


def test_an_answer_without_speech_leaves_the_file_of_an_earlier_one(talk: Command, tmp_path: Path) -> None:
    old = tmp_path / "old.wav"
    old.write_text("precious", encoding="utf-8")
    talk("--say", "hi", "--text", "--force", "--out", old)
    assert old.read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize("option", ["--out", "--record"])
def test_nothing_overwrites_the_question(talk: Command, speech: Path, option: str) -> None:
    before = speech.read_bytes()
    outcome = talk(speech, option, speech, code=2)
    assert outcome.out == ""
    assert f"{option} {speech} would overwrite the file to send" in outcome.err
    assert speech.read_bytes() == before


def test_the_reply_and_the_recording_are_two_files(talk: Command, speech: Path, tmp_path: Path) -> None:
    one, link = tmp_path / "one", tmp_path / "link"
    link.symlink_to(one)
    outcome = talk(speech, "--out", one, "--record", link, code=2)
    assert outcome.err == f"duologue: --out and --record are the same file, {one}: name two files\n"
    assert not one.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_it_leaves_a_valid_recording_and_no_traceback(
    scripted_server: Place, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    long = write_wav(tmp_path / "long.wav", tone(30_000))
    command = ["talk", str(long), "--json", "--record", str(tmp_path / "s.jsonl"), *scripted_server.options]
    with running(*command) as process:
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


def test_a_dialect_that_is_named_holds_from_the_first_frame_on(speech: Path, tmp_path: Path, command: Command) -> None:
    recording = tmp_path / "session.jsonl"
    with serving("--api-key", KEY, "--dialect", "openai-beta", *SCRIPTED) as url:
        named = ("--url", url, "--api-key", KEY, "--dialect", "openai-beta", "--voice", "echo")
        shown = command("talk", speech, *named, "--record", recording, "--json", "--fast")
    assert shown.summary["failure"] is None
    with RecordingReader(recording) as frames:
        updates = [json.loads(frame.message) for frame in frames if frame.direction == "sent"]
    assert updates[0]["type"] == "session.update"
    assert "audio" not in updates[0]["session"]
    assert updates[0]["session"]["voice"] == "echo"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--url", "ws://127.0.0.1:9", "--dialect", "klingon"],
            "there is no dialect 'klingon'; known are auto, openai",
        ),
        (["--dialect", "xai"], "--dialect needs --url"),
    ],
)
def test_a_dialect_that_cannot_be_meant_is_one_sentence(arguments: list[str], sentence: str, command: Command) -> None:
    assert sentence in command("talk", "--say", "hi", *arguments, code=2).err
