"""Bring the published figures up to date, and all that quotes or shows them: `python -m website.figures`."""

from __future__ import annotations

from duologue.clock import local_date
from website.figures.page import figures_page, pictures
from website.figures.published import read_published, updated
from website.pages import ROOT


def main() -> None:
    """Take in what bench/results has, correct the pages that quote it, and write the page and its pictures."""
    file = ROOT / "bench" / "published.toml"
    text = file.read_text(encoding="utf-8")
    before = read_published(text)
    text = updated(text, ROOT / "bench" / "results", day=f"{local_date():%Y-%m-%d}")
    file.write_text(text, encoding="utf-8")
    now = read_published(text)
    for quote in now.quotes:
        page = ROOT / quote.page
        said = page.read_text(encoding="utf-8")
        if before.written(quote.text) not in said and now.written(quote.text) not in said:
            raise SystemExit(f"{quote.page} does not say: {before.written(quote.text)}")
        page.write_text(said.replace(before.written(quote.text), now.written(quote.text)), encoding="utf-8")
    (ROOT / "docs" / "figures.md").write_text(figures_page(now), encoding="utf-8")
    for name, picture in pictures(now).items():
        (ROOT / "docs" / "pictures" / name).write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
