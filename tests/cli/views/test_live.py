"""The view for terminals."""

from __future__ import annotations

import io

from rich.console import Console

from duologue.audio.levels import FLOOR_DBFS
from duologue.cli.turns.observations import Observation, Progress
from duologue.cli.views.live import LiveView
from duologue.cli.views.summary import SummaryBuilder
from duologue.events import InputAudioBufferAppendEvent, InputAudioBufferClearedEvent, InputAudioTranscriptionDeltaEvent
from tests.cli.views.test_timeline import audio, words


def terminal() -> tuple[Console, io.StringIO]:
    shown = io.StringIO()
    console = Console(
        file=shown, force_terminal=True, width=100, color_system=None, highlight=False,
        _environ={},  # that the tests run in a dumb terminal says nothing of this one
    )  # fmt: skip
    return console, shown


def test_what_is_going_on_is_shown_at_every_tick() -> None:
    console, shown = terminal()
    with LiveView(console) as view:
        view.caption("speaking")
        view.observe(Observation(0.1, "sent", InputAudioBufferAppendEvent.from_audio(bytes(4800))))
        view.show_progress(Progress(sent_ms=1000, total_ms=2000, level_dbfs=-30.0))
        view.observe(
            Observation(0.2, "received", InputAudioTranscriptionDeltaEvent(event_id="e", item_id="i", delta="Hi"))
        )
        view.observe(Observation(0.3, "received", words("Hello there")))
        view.observe(Observation(0.4, "received", audio(100)))
        view.tick()
    text = shown.getvalue()
    for expected in ("speaking", "you     Hi", "server  Hello there", "1.0 of 2.0 s", "-30 dBFS you", "append  100 ms"):
        assert expected in text


def test_finished_lines_stay_above_and_the_summary_below() -> None:
    console, shown = terminal()
    builder = SummaryBuilder()
    with LiveView(console) as view:
        observation = Observation(1.0, "received", InputAudioBufferClearedEvent(event_id="e"))
        builder.add(observation)
        view.observe(observation)
        view.tick()
    view.conclude(builder.summary())
    text = shown.getvalue()
    assert text.index("← input_audio_buffer.cleared") < text.index("1 events")


def test_a_level_without_sound_draws_nothing() -> None:
    console, shown = terminal()
    with LiveView(console) as view:
        view.show_progress(Progress(sent_ms=0, total_ms=0, level_dbfs=FLOOR_DBFS))
        view.tick()
    assert "░" * 24 in shown.getvalue()
