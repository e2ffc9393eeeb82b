"""A call that goes on: changes come while the page is open. Here the page is asked; the server has tests of its own."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from duologue.codec.jsontext import write_text
from duologue.inspection.page import Document, LaneFold, Redaction, call_content
from duologue.inspection.page.frame_texts import packed
from duologue.recording import RecordingReader
from duologue.server.inspector.call_changes import CallChanges, SentPeaks
from tests.inspection.page.assets._browser import Opened

Json = dict[str, Any]

_AT_FIRST: Final = 80
"""Lines that are there when the page is made."""
_AT_ONCE: Final = 50

_FAKES: Final = """
window.EventSource = class extends EventTarget {
  static CLOSED = 2;
  constructor(address) { super(); this.address = address; this.readyState = 1; window.source = this; }
  close() { this.readyState = 2; }
  send(name, data) { this.dispatchEvent(Object.assign(new Event(name), { data: JSON.stringify(data) })); }
};
window.fetch = async (address) => {
  (window.asked ??= []).push(address);
  const isSilent = address.startsWith('audio');
  return new Response(isSilent ? null : '{"type":"fetched"}', { status: isSilent ? 204 : 200 });
};
"""


@pytest.fixture(scope="module")
def changes(pages: Path) -> list[Json]:
    """The changes of a call that follow the page `live.html`, which is made here."""
    with RecordingReader(pages / "whole.jsonl") as recording:
        header, lines = recording.header, list(recording.lines())
    fold, user, model = LaneFold(header), SentPeaks(), SentPeaks()
    for line in lines[:_AT_FIRST]:
        fold.push(line)
    content = call_content(header, fold, Redaction(), title="Call sess_0001")
    user.replace(base64.b64decode(content["peaks"]["user"]))
    model.replace(base64.b64decode(content["peaks"]["model"]))
    content |= {"audio": {"user": [], "model": []}, "against": None}
    content["frames"] = {"count": len(fold.frames), "chunks": [], "index": "frames-index"}
    audio = "audio/{side}/{begin_ms}-{end_ms}"
    content["live"] = {"events": "events?after=1-0", "audio": audio, "frame": "frames/{number}", "closed": False}
    with (pages / "live.html").open("wb") as target:
        document = Document(target, nonce="0123456789abcdef", live=True)
        document.packed("frames-index", packed(write_text(fold.frames.columns())))
        document.data("call", write_text(content))
        document.close()
    found: list[Json] = []
    for first in range(_AT_FIRST, len(lines), _AT_ONCE):
        gathered = CallChanges(fold)
        for line in lines[first : first + _AT_ONCE]:
            gathered.add(fold.push(line))
        if first + _AT_ONCE >= len(lines):
            gathered.finish(fold.finish())
        found.append(gathered.to_json(lines=first, redaction=Redaction(), user=user, model=model))
    return found


@pytest.fixture
def live(open_page: Callable[..., Opened], changes: list[Json]) -> Opened:
    """The page as it is at first."""
    assert changes
    return open_page("live", script=_FAKES)


def _send(live: Opened, changes: list[Json]) -> None:
    for each in changes:
        live.page.evaluate("(changes) => window.source.send('changes', changes)", each)
    live.until("page.live.waiting.length === 0")
    live.settle()


def test_what_comes_is_what_the_page_of_the_whole_call_shows(live: Opened, changes: list[Json], opened: Opened) -> None:
    assert live.text("#live-state") == "live"
    assert live.value("page.call.rows.turns.length") == 1
    _send(live, changes)
    for script in (
        "page.call.rows.turns",
        "page.call.rows.errors",
        "page.call.lanes",
        "page.data.figures.turns",
        "page.items",
        "[...page.frames.partner.subarray(0, page.frames.count)]",
        "page.frames.types",
        "page.framesPanel.visible.length",
    ):
        assert live.value(script) == opened.value(script), script
    for side in ("user", "model"):
        peaks = f"Array.from({{length: 190}}, (_, at) => page.call.peaks.{side}.between(at / 10, at / 10 + 0.1))"
        assert live.value(peaks) == opened.value(peaks)
    assert live.page.locator(".turns .row").count() == 3
    assert live.text(".figure .value") == opened.text(".figure .value")


def test_it_follows_the_end_until_its_reader_goes_elsewhere(live: Opened, changes: list[Json]) -> None:
    live.value("page.view.look(page.view.durationS - 5, page.view.durationS)")
    longer = [{**changes[0], "duration_s": 50.0, "frames": {**changes[0]["frames"], "first": -1}}]
    _send(live, longer)
    assert live.value("page.view.toS") == 50
    assert live.page.locator("#follow").get_attribute("aria-pressed") == "true"
    live.value("page.view.look(3, 8)")
    live.until("!page.live.isFollowing")
    _send(live, [{**longer[0], "duration_s": 60.0}])
    assert live.value("page.view.toS") == 8
    live.press("e")
    assert live.value("page.view.toS") == 60


def test_what_is_selected_stays_while_more_comes(live: Opened, changes: list[Json]) -> None:
    live.value("page.goToFrame(2)")
    live.until("document.querySelector('#detail h2').textContent === 'session.updated'")
    assert live.value("window.asked[0]") == "frames/2"
    live.page.fill("#search", "speech_started")
    live.until("page.framesPanel.isDone")
    _send(live, changes)
    assert live.text("#frames .told") == "3 rows for “speech_started”"
    assert live.text("#detail h2") == "session.updated"


def test_its_sound_is_asked_of_the_server_where_it_is_played(live: Opened, changes: list[Json]) -> None:
    _send(live, changes)
    live.value("page.seek(6)")
    live.press(" ")
    live.until("(window.asked ?? []).includes('audio/model/5000-10000')")
    live.press(" ")


def test_it_says_when_the_call_has_ended_and_when_it_cannot_go_on(live: Opened) -> None:
    live.value("window.source.send('reload', {why: 'the page is too far behind'})")
    assert live.text("#live-state") == "stopped: the page is too far behind. Load the page again"
    live.value("window.source.send('closed', {code: 1000})")
    assert live.text("#live-state") == "ended"
    assert not live.page.locator("#follow").is_visible()
