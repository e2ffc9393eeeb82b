"""Sound of a blocking conversation: what its block waits for raises the fault of a sink or a source."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from duologue.audio.wav import Sound, read_wav
from duologue.blocking import BlockingConversation
from duologue.errors import AudioError
from duologue.events import InputAudioBufferClearEvent
from duologue.notices import AudioDelta, Interrupted, TextDelta
from duologue.sound import WavSink, WavSource
from duologue.testing import Close, Expect
from tests.client._frames import asks, sent_audio, serving
from tests.client._threads import join_all, talking
from tests.client.sound._speaking import CUE, hears, sound, speaks


class Written:
    """A loudspeaker of an audio library: its `write` may block, and is called in a thread."""

    def __init__(self) -> None:
        self.audio = b""
        self.threads: set[str] = set()
        self.begun = threading.Event()

    def write(self, audio: bytes) -> int:
        self.threads.add(threading.current_thread().name)
        self.audio += audio
        self.begun.set()
        return len(audio)


def cue(conversation: BlockingConversation) -> None:
    """Let the server begin."""
    conversation.send(InputAudioBufferClearEvent(), timeout=5)


def test_a_block_ends_when_the_speech_was_heard_and_the_sink_has_a_thread_of_its_own() -> None:
    sink = Written()
    with talking(serving([CUE, speaks(300)])) as conversation:
        with conversation.play(sink) as playback:
            cue(conversation)
            assert sink.begun.wait(5)
            playback.drain(timeout=5)
            assert playback.is_silent
        assert sink.audio == sound(300)
        assert sink.threads == {"duologue-sink"}
        join_all("duologue-sink")


def test_an_interruption_stops_a_sink_and_cuts_the_item() -> None:
    sink = Written()
    server = serving([CUE, speaks(8000), hears("started")])
    with talking(server) as conversation, conversation.stream(Interrupted, timeout=5) as cuts:
        with conversation.play(sink.write):
            cue(conversation)
            next(cuts)
        assert len(sink.audio) < len(sound(1000))
        join_all("duologue-sink")


def test_a_file_is_heard_to_its_end_and_its_tail_is_not_lost() -> None:
    server = serving([Expect("input_audio_buffer.commit")])
    clip = Sound(b"\1\2" * 3_200, 16_000)
    with talking(server) as conversation:
        conversation.listen(WavSource(clip, silence_ms=100, paced=False)).wait(timeout=5)
        conversation.commit(timeout=5)
    assert len(sent_audio(server)) == 2 * 24 * 300


def test_an_iterator_that_blocks_does_not_block_the_conversation() -> None:
    given: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def microphone() -> Iterator[bytes]:
        while (piece := given.get()) is not None:
            yield piece

    server = serving(asks("resp_1", "item_1", "Seven."))
    with talking(server) as conversation, conversation.listen(microphone(), rate_hz=24_000) as listening:
        assert conversation.respond(timeout=5).response.status == "completed"
        given.put(b"\1\0" * 240)
        given.put(None)
        listening.wait(timeout=5)
        join_all("duologue-source")
    assert sent_audio(server) == b"\1\0" * 240


def test_what_a_source_raises_ends_a_stream_that_its_block_reads_for_ever() -> None:
    def broken() -> bytes:
        raise OSError("the device is gone")

    with talking(serving([])) as conversation:
        with pytest.raises(OSError, match="the device is gone"), conversation.stream(TextDelta) as texts:
            listen_and_read(conversation, broken, texts)
        assert conversation.items == ()
        conversation.send_audio(bytes(480), timeout=5)  # the conversation goes on
        join_all("duologue-source")


def listen_and_read(conversation: BlockingConversation, source: object, texts: Iterator[TextDelta]) -> None:
    """Read what never comes."""
    with conversation.listen(source):  # type: ignore[arg-type]  # any of them
        list(texts)


def test_what_a_sink_raises_ends_a_call_that_its_block_waits_for_and_the_calls_after_it() -> None:
    def broken(audio: bytes) -> None:
        raise OSError("no space left")

    faults: list[str] = []

    def block(conversation: BlockingConversation) -> None:
        with conversation.play(broken) as playback:
            cue(conversation)
            for verb in (playback.wait, conversation.commit, lambda: next(conversation.audio())):
                try:
                    verb()
                except OSError as fault:
                    faults.append(str(fault))

    server = serving([CUE, speaks(300)])
    with talking(server) as conversation:
        with pytest.raises(OSError, match="no space left"):
            block(conversation)
        assert faults == ["no space left"] * 3
        assert conversation.send_audio(bytes(480), timeout=5)
        join_all("duologue-sink")


def test_a_block_whose_own_fault_comes_first_raises_that(caplog: pytest.LogCaptureFixture) -> None:
    failed = threading.Event()

    def broken() -> bytes:
        failed.set()
        raise OSError("the device is gone")

    def block(conversation: BlockingConversation) -> None:
        with conversation.listen(broken):
            assert failed.wait(5)
            raise ZeroDivisionError

    with talking(serving([])) as conversation:
        with pytest.raises(ZeroDivisionError):
            block(conversation)
        join_all("duologue-source")
    assert "the sound failed" in caplog.text


def test_a_conversation_that_is_over_ends_its_blocks(tmp_path: Path) -> None:
    sink = WavSink(tmp_path / "answer.wav", paced=False)
    with talking(serving([CUE, speaks(500), Close(1000)])) as conversation:
        with conversation.play(sink) as playback, conversation.stream(AudioDelta) as pieces:
            cue(conversation)
            assert len(list(pieces)) == 5
            playback.wait(timeout=5)
        with conversation.play(print) as playback:
            conversation.close()
        join_all("duologue-sink")
    assert read_wav(tmp_path / "answer.wav").pcm16 == sound(500)


def test_a_sink_that_cannot_be_opened_raises_and_leaves_the_conversation_as_it_was(tmp_path: Path) -> None:
    with talking(serving([])) as conversation:
        with (
            pytest.raises(AudioError, match="cannot write"),
            conversation.play(WavSink(tmp_path / "no" / "folder.wav")),
        ):
            pytest.fail("the block has begun")
        assert conversation.send_audio(bytes(480), timeout=5)
        with pytest.raises(TimeoutError, match="the sound is not over"):
            conversation.listen(WavSource(Sound(bytes(48_000), 24_000))).wait(timeout=0.05)
