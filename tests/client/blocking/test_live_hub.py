"""Streams and callbacks of a Live session of threads."""

from __future__ import annotations

import threading

import pytest

from duologue.notices import LiveAudioPiece, TranscriptDelta, UtteranceEnded
from duologue.testing import Expect, Send
from tests.client.blocking._live import talking_live, until
from tests.client.live._talking import says, serving, sound

TALK = Send(says("user", "Hello.", 0, 200), sound("AAAAAA=="), says("assistant", "Bye.", 3000, 3200))
CUE = Expect("session.thinking.append")


def test_streams_have_the_notices_of_their_kinds() -> None:
    with (
        talking_live(serving(CUE, TALK)) as live,
        live.stream(TranscriptDelta, LiveAudioPiece, timeout=5) as pieces,
        live.stream("session.input_transcript.delta", timeout=5) as events,
    ):
        live.append_thinking("Begin.")
        assert {type(next(pieces)) for _ in range(3)} == {TranscriptDelta, LiveAudioPiece}
        assert next(events).delta == "Hello."
        with pytest.raises(TimeoutError), live.stream(UtteranceEnded, timeout=0) as ended:
            next(ended)


def test_utterances_and_audio_are_iterated_in_threads() -> None:
    found: list[object] = []
    begun = threading.Barrier(3, timeout=5)
    with talking_live(serving(CUE, TALK)) as live:

        def read(kind: str) -> None:
            begun.wait()
            pieces = live.utterances(timeout=5) if kind == "utterances" else live.audio(timeout=5)
            found.append(next(iter(pieces)))

        readers = [threading.Thread(target=read, args=(kind,)) for kind in ("utterances", "audio")]
        for reader in readers:
            reader.start()
        begun.wait()
        until(lambda: len(live._conversation._sinks) == 2)
        live.append_thinking("Begin.")
        for reader in readers:
            reader.join(5)
    assert {type(each).__name__ for each in found} == {"Utterance", "LiveAudioPiece"}


def test_callbacks_are_called_in_a_thread_of_their_own_and_can_be_taken_away() -> None:
    called: list[tuple[str, str]] = []
    twice = threading.Event()
    with talking_live(serving(CUE, TALK)) as live:

        @live.on(TranscriptDelta)
        def note(notice: TranscriptDelta) -> None:
            called.append((notice.delta, threading.current_thread().name))
            if len(called) == 2:
                twice.set()

        remove = live.on(UtteranceEnded, lambda notice: called.append(("never", "")))
        remove()
        live.append_thinking("Begin.")
        assert twice.wait(5)
        assert note.__name__ == "note"
        with pytest.raises(TypeError, match="a callback is a function"):
            live.on(TranscriptDelta, 3)  # type: ignore[call-overload]
    assert called == [("Hello.", "duologue-callbacks"), ("Bye.", "duologue-callbacks")]
