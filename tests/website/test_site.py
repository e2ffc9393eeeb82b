"""The built site: links, titles, and five pages in a browser, which ask no other machine for anything."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import AsyncGenerator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pytest
import pytest_asyncio

from tests._browsers import Chromium, chromium
from website.build import build

pytest.importorskip("zensical", reason="zensical is not installed: make docs installs it")

pytestmark = pytest.mark.timeout(180)  # building the site takes 7 s of a processor, a minute on a machine at work

ORIGIN: Final = "http://docs.example/"
"""No machine: the browser gets its files from the disk."""

PAGES: Final = ("index", "howto/index", "tutorial", "reference/limits", "architecture")
"""One of each kind: the first page, tables of tasks, prose and code, a reference, drawings."""

FOUND: Final = {
    "response.done": "reference/responses.html",
    "interrupt": "howto/barge-in.html",
    "lost connection": "howto/reconnect.html",
    "nginx": "howto/more-than-one-machine.html",
    "twilio": "howto/telephone.html",
    "grafana": "howto/serve.html",
    "translate german": "howto/translation.html",
    "zero downtime": "look-up.html",  # words of others, which lead to the page
}
"""What is looked for, and the page that has it."""

_AXE: Final = Path(sys.prefix) / "npm" / "node_modules" / "axe-core" / "axe.min.js"
_OF_LOOKS: Final = "['color-contrast', 'scrollable-region-focusable', 'target-size']"
"""The rules that another scheme or width may break."""
_TYPES: Final = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class Page(HTMLParser):
    """What a page is called, what it links to, what it loads, and the anchors that it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.title = ""
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self._is_title = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        self._is_title = tag == "title" and not self.title
        self.anchors |= {at[name] for name in ("id", "name") if name in at}
        if tag == "a" and "href" in at:
            self.links.append(at["href"])
        if "src" in at:
            self.loads.append(at["src"])
        if tag == "link" and at.get("rel") in ("stylesheet", "icon", "preload", "preconnect", "modulepreload"):
            self.loads.append(at["href"])

    def handle_data(self, data: str) -> None:
        if self._is_title:
            self.title += data

    def handle_endtag(self, tag: str) -> None:
        self._is_title = False


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("docs"))


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    """Every page but the one for addresses that do not exist, whose links are those of a server's root."""
    return {
        name: Page(path)
        for path in sorted(site.rglob("*.html"))
        if (name := path.relative_to(site).as_posix()) != "404.html"
    }


def test_no_two_pages_have_one_title(pages: dict[str, Page]) -> None:
    titles = Counter(page.title.strip() for page in pages.values())
    assert [title for title, times in titles.items() if times > 1 or not title] == []


def test_links_and_their_anchors_lead_somewhere(site: Path, pages: dict[str, Page]) -> None:
    broken = [(name, link) for name, page in pages.items() for link in page.links if not leads(site, pages, name, link)]
    assert broken == []


def leads(site: Path, pages: dict[str, Page], name: str, link: str) -> bool:
    """Whether a link of the page of this name leads somewhere; one to another machine is its own affair."""
    split = urlsplit(link)
    if split.scheme:
        return split.scheme in ("https", "http", "mailto")
    path = (site / name).parent / unquote(split.path) if split.path else site / name
    path = path / "index.html" if path.is_dir() else path
    page = pages.get(path.resolve().relative_to(site.resolve()).as_posix())
    return path.exists() and (not split.fragment or page is None or unquote(split.fragment) in page.anchors)


def test_what_a_page_shows_is_part_of_the_site(site: Path, pages: dict[str, Page]) -> None:
    missing = [
        (name, load)
        for name, page in pages.items()
        for load in page.loads
        if urlsplit(load).scheme or not ((site / name).parent / unquote(urlsplit(load).path)).exists()
    ]
    assert missing == []


def test_each_page_names_its_file_and_the_version(site: Path) -> None:
    text = (site / "howto" / "connect.html").read_text(encoding="utf-8")
    assert "<code>docs/howto/connect.md</code>" in text
    assert 'class="release"' in text


# --- in a browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncGenerator[Chromium, None]:
    async with chromium() as started:
        yield started


class Reader:
    """A tab on the site, and what it asked of other machines."""

    def __init__(self, tab: Any, site: Path) -> None:
        self.tab = tab
        self.page = tab.page
        self.elsewhere: list[str] = []
        self._site = site

    async def begin(self) -> None:
        await self.page.context.route("**/*", self._answer)

    async def _answer(self, route: Any) -> None:
        url: str = route.request.url
        if not url.startswith(ORIGIN):
            self.elsewhere.append(url)
            await route.abort()
            return
        path = self._site / unquote(urlsplit(url).path).removeprefix("/")
        if path.is_file():
            await route.fulfill(path=path, content_type=_TYPES.get(path.suffix))
        else:
            await route.fulfill(status=404, body="")

    async def look(self, name: str) -> None:
        await self.page.goto(f"{ORIGIN}{name}.html")


async def reader(browser: Chromium, site: Path, **settings: Any) -> Reader:
    started = Reader(await browser.tab(**settings), site)
    await started.begin()
    return started


@pytest.mark.skipif(not _AXE.is_file(), reason="axe-core is not installed: make test installs it")
@pytest.mark.asyncio(loop_scope="module")
async def test_axe_finds_nothing_on_five_pages_in_both_schemes(browser: Chromium, site: Path) -> None:
    for scheme, width, rules in (("light", 1440, "undefined"), ("dark", 390, _OF_LOOKS)):
        look = await reader(browser, site, color_scheme=scheme, viewport={"width": width, "height": 844})
        for name in PAGES:
            await look.look(name)
            await look.page.add_script_tag(path=_AXE)
            found = await look.tab.value(f"axe.run(document, {{runOnly: {rules}}}).then(all => all.violations)")
            assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found] == [], (
                name,
                scheme,
            )
        assert look.elsewhere == []
        assert await look.tab.said() == []
        await look.tab.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_no_page_is_wider_than_a_phone(browser: Chromium, site: Path) -> None:
    look = await reader(browser, site, viewport={"width": 390, "height": 844})
    for name in PAGES:
        await look.look(name)
        assert await look.tab.value("document.documentElement.scrollWidth <= innerWidth"), name
    await look.tab.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_the_keyboard_skips_to_the_text_searches_and_reaches_all_parts(browser: Chromium, site: Path) -> None:
    look = await reader(browser, site, viewport={"width": 1440, "height": 900})
    await look.look("tutorial")
    await look.tab.press("Tab")
    assert await look.tab.value("document.activeElement.classList.contains('md-skip')")
    reached = [text async for text in stops(look, 40)]
    for part in ("Learn", "Do", "Look up", "Understand"):
        assert part in reached
    await search(look)
    for words, page in FOUND.items():
        await finds(look, words, page)
    assert look.elsewhere == []
    await look.tab.close()


async def stops(look: Reader, count: int) -> AsyncGenerator[str, None]:
    """The words of what Tab reaches, one after the other."""
    for _ in range(count):
        await look.tab.press("Tab")
        yield await look.tab.value("document.activeElement.innerText.trim()")


async def search(look: Reader) -> None:
    """Open the search by keyboard; it lives in a shadow tree."""
    await look.tab.press("Control+k")
    await look.tab.until("document.activeElement.shadowRoot?.activeElement?.tagName === 'INPUT'")


async def finds(look: Reader, words: str, page: str) -> None:
    """Type words into the open search, and wait until this page is among the first three that it finds."""
    inside = "document.activeElement.shadowRoot"
    await look.tab.press("Control+a")
    await look.page.keyboard.type(words)
    typed = f"{inside}.activeElement.value === {words!r}"
    first = f"[...{inside}.querySelectorAll('a')].slice(0, 3).some(link => link.href.includes({page!r}))"
    await look.tab.until(f"{typed} && {first}")


@pytest.mark.asyncio(loop_scope="module")
async def test_the_search_finds_in_pages_that_are_opened_as_files(browser: Chromium, site: Path) -> None:
    tab = await browser.tab()
    look = Reader(tab, site)
    await tab.open((site / "index.html").as_uri())
    await search(look)
    await finds(look, "response.done", FOUND["response.done"])
    await tab.close()
