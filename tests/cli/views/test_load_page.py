"""Levels as a page."""

from __future__ import annotations

from html.parser import HTMLParser

from duologue.cli.views.load_page import load_page
from duologue.load.report import report_of
from duologue.load.samples import LevelSamples
from tests.load.test_report import samples


class Reader(HTMLParser):
    """Collects tags and texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def test_the_page_has_all_levels_and_links_to_the_worst_calls() -> None:
    levels = [report_of(samples(*[500.0] * 20), calls=1), report_of(samples(lost=3), calls=50)]
    page = Reader(
        load_page(levels, title="Calls", about="of a test", nonce="n0", worst=[("load-call-1.html", "the worst")])
    )
    assert "500 ms, max 500" in page.texts
    assert "no answer" in page.texts
    assert "3 of 3 turns were not answered" in page.texts
    assert ("a", {"href": "load-call-1.html"}) in page.tags
    assert sum(tag == "svg" for tag, _ in page.tags) == 1


def test_nothing_of_a_server_becomes_markup_and_nothing_is_loaded() -> None:
    made = LevelSamples(errors={"<script>alert(1)</script>": 1}, refused={'"><img src=x>': 1})
    text = load_page(
        [report_of(made, calls=1)], title="</title><script>", about="<b>", nonce="n0", worst=[('"x', "<i>")]
    )
    page = Reader(text)
    assert {tag for tag, _ in page.tags} <= set(
        "html meta title style h1 p h2 div table thead tr th tbody td br ul li a".split()
    )
    assert "default-src 'none'; style-src 'nonce-n0'" in text
    assert "No turn was answered." in page.texts
    assert all("src" not in attributes for _, attributes in page.tags)
