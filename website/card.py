"""The card that chat programs and social networks show for a link to the site.

python -m website.card          writes website/assets/card.png
"""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

from tests._chromium import CHROMIUM
from website.drawings.svg import DARK, Drawing
from website.pages import ROOT

__all__ = ["take_card"]

_WIDTH, _HEIGHT = 1200, 630
"""What such cards are shown in: https://ogp.me names no size, and networks cut others to it."""
_SENTENCE: Final = (
    "Typed realtime voice for Python:",
    "events, client, server and test bench",
    "of Realtime, Live and translation",
)
_PAPER: Final = "#0b0e14"


def take_card(target: Path) -> None:
    """Draw it, and have a browser make the pixels: few programs show a card in SVG."""
    drawing = Drawing(_WIDTH, _HEIGHT, DARK, title="duologue")
    drawing.words(90, 290, "duologue", size=132, bold=True)
    for number, line in enumerate(_SENTENCE):
        drawing.words(94, 380 + 56 * number, line, size=42, colour=DARK.faint)
    logo = b64encode((ROOT / "website" / "assets" / "logo.svg").read_bytes()).decode()
    page_text = (
        f'<body style="margin:0;background:{_PAPER}">{drawing}'
        f'<img style="position:absolute;left:84px;top:64px;width:110px" src="data:image/svg+xml;base64,{logo}">'
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page(viewport={"width": _WIDTH, "height": _HEIGHT})
        page.set_content(page_text)
        page.screenshot(path=target)
        browser.close()


if __name__ == "__main__":
    take_card(ROOT / "website" / "assets" / "card.png")
