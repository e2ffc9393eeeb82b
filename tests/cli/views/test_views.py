from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console

from duologue.cli.turns.observations import Observation
from duologue.cli.views.live import LiveView
from duologue.cli.views.summary import SummaryBuilder
from duologue.cli.views.views import JsonView, PlainView
from duologue.codec import decode
from tests.test_printable import CONTROLS

_NAMES = "".join(CONTROLS.values()) + "[bold][link=https://example.invalid]here[/link]"
_FRAMES = [
    {"type": _NAMES},
    {"type": "error", "event_id": "e", "error": {"type": _NAMES, "code": _NAMES, "message": _NAMES}},
    {"type": "session.created", "event_id": "e", "session": {"type": "realtime", "model": _NAMES}},
    {
        "type": "response.output_audio_transcript.delta",
        "event_id": "e",
        "response_id": _NAMES,
        "item_id": _NAMES,
        "output_index": 0,
        "content_index": 0,
        "delta": _NAMES,
    },
    {
        "type": "response.function_call_arguments.done",
        "event_id": "e",
        "response_id": "r",
        "item_id": "i",
        "output_index": 0,
        "call_id": _NAMES,
        "name": _NAMES,
        "arguments": _NAMES,
    },
    {"type": "rate_limits.updated", "event_id": "e", "rate_limits": [{"name": _NAMES, "remaining": 1}]},
]


def _observations() -> list[Observation]:
    return [Observation(0.1, "received", decode(json.dumps(frame))) for frame in _FRAMES]


def _shows(view: PlainView | JsonView | LiveView) -> None:
    builder = SummaryBuilder()
    with view:
        view.caption(f"recorded by {_NAMES}")
        for observation in _observations():
            builder.add(observation)
            view.observe(observation)
            view.tick()
    view.conclude(builder.summary())


def _check(shown: str) -> None:
    assert [line for line in shown.split("\n") if not line.isprintable()] == []


def test_plain_lines_hold_nothing_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    _shows(PlainView())
    _check(shown := capsys.readouterr().out)
    assert "[bold][link=" in shown, "markup is shown as it was written"


def test_json_lines_hold_nothing_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    _shows(JsonView())
    _check(shown := capsys.readouterr().out)
    assert [json.loads(line)["event"]["type"] for line in shown.splitlines()[:1]] == [_NAMES]


def test_the_live_view_holds_no_markup_and_no_control_characters_of_a_peer() -> None:
    stream = StringIO()
    _shows(LiveView(Console(file=stream, force_terminal=False, width=1000)))
    _check(stream.getvalue())
    assert "[bold][link=" in stream.getvalue()
