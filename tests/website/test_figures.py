"""No page quotes another figure than the one that is published, and the page of figures is drawn from the file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from website.figures.page import figures_page, pictures
from website.figures.published import Figure, Quote, read_published, updated
from website.pages import ROOT

FILE = (ROOT / "bench" / "published.toml").read_text(encoding="utf-8")
PUBLISHED = read_published(FILE)

WITHOUT_FIGURE = {
    ("docs/howto/more-than-one-machine.md", "ray_serve"): "names the command",
    ("docs/howto/sync.md", "blocking"): "says it in words, one and a half times",
    ("docs/howto/serve.md", "tapped"): "says it in words, one percent",
    ("docs/howto/virtual-time.md", "virtual_hour"): "says it in words, thirty seconds",
    ("docs/howto/what-a-call-costs.md", "calls"): "names the command",
    ("docs/howto/what-a-call-costs.md", "voice_detection"): "counts decisions, and measures no speed",
    ("docs/webrtc-stacks.md", "webrtc_calls"): "the table above",
}
"""Pages that name a benchmark without a number that a quote could hold."""


def test_the_page_and_its_pictures_are_up_to_date() -> None:
    written = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")
    assert written == figures_page(PUBLISHED), "run: make figures"
    folder = ROOT / "docs" / "pictures"
    drawn = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("figures-*.svg")}
    assert drawn == pictures(PUBLISHED), "run: make figures"


@pytest.mark.parametrize("quote", PUBLISHED.quotes, ids=lambda quote: f"{quote.page}: {quote.text[:40]}")
def test_a_page_says_what_is_published(quote: Quote) -> None:
    said = PUBLISHED.written(quote.text)
    assert said in (ROOT / quote.page).read_text(encoding="utf-8"), f"{quote.page} should say: {said}; make figures"


def test_a_page_that_names_a_benchmark_quotes_it_from_the_file() -> None:
    quoted = {(quote.page, bench) for quote in PUBLISHED.quotes for bench in re.findall(r"\{(\w+)\.", quote.text)}
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "howto").glob("*.md")]
    named = {
        (path.relative_to(ROOT).as_posix(), bench)
        for path in pages
        if path.name != "figures.md"
        for bench in re.findall(r"bench/(\w+)\.py", path.read_text(encoding="utf-8"))
    }
    assert named - quoted - WITHOUT_FIGURE.keys() == set(), "add a [[quote]] to bench/published.toml"


def test_every_benchmark_of_the_file_is_there_and_shown() -> None:
    assert [name for name in PUBLISHED.figures if not (ROOT / "bench" / f"{name}.py").exists()] == []
    shown = {name for group in PUBLISHED.groups for name in group["benches"]}
    assert shown == PUBLISHED.figures.keys()


def test_results_change_their_figures_and_the_day_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "relay.json").write_text(json.dumps({"typed_of_sdk": 9.9, "new": 1}), encoding="utf-8")
    (tmp_path / "unknown.json").write_text(json.dumps({"typed_of_sdk": 1.1}), encoding="utf-8")
    changed = updated(FILE, tmp_path, day="2030-01-02")
    different = [line for line in changed.splitlines() if line not in FILE.splitlines()]
    assert different == ['published = "2030-01-02"', "typed_of_sdk = 9.9"]
    assert read_published(changed).days["relay"] == "2030-01-02"


def test_a_share_is_written_in_percent() -> None:
    assert (f"{Figure(0.234):.0 %}", f"{Figure(0.876):.2f}", f"{Figure(7):.0f}") == ("23 %", "0.88", "7")


def test_what_is_drawn_is_a_figure_or_made_of_two() -> None:
    relay = PUBLISHED.figures["relay"]
    assert PUBLISHED.value("relay.typed_of_sdk") == relay["typed_of_sdk"]
    assert PUBLISHED.value("100 * relay.typed_of_sdk") == 100 * relay["typed_of_sdk"]
    with pytest.raises(ValueError, match="not a figure"):
        PUBLISHED.value("relay.typed_of_sdk + 1")
