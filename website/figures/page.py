"""The page of figures, in Markdown, and its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from website.drawings.svg import SCHEMES
from website.figures.plots import draw_plot
from website.figures.published import Published

__all__ = ["figures_page", "pictures"]

_HEAD: Final = """\
# Figures

Every figure of speed that README and docs publish, with the command that measures it again, and others beside it where
they do the same. Measured on {machine}.
So the ratios are what counts, and those vary from run to run too. How things are timed, and how a bad result is read,
is in `bench/README.md` of the repository.

```sh
python bench/decode.py            # one of them, in a clone of the repository; make bench runs all
make figures                      # put what bench/results has into this page, and into those that quote it
make figures BENCH="decode relay" # the same, after running these
```

The page is made of `bench/published.toml`, which holds all figures. Do not edit it, but run `make figures`.
"""


def figures_page(published: Published) -> str:
    """The page."""
    lines = [_HEAD.format(machine=published.machine)]
    for group in published.groups:
        lines += _group(published, group)
    return "\n".join(lines).rstrip() + "\n"


def pictures(published: Published) -> Mapping[str, str]:
    """All plots by their file names, in both schemes."""
    return {
        f"figures-{plot['name']}-{colours.name}.svg": str(draw_plot(published, plot, colours))
        for plot in published.plots
        for colours in SCHEMES
    }


def _group(published: Published, group: dict[str, Any]) -> list[str]:
    lines = [f"## {group['title']}", "", published.written(group["text"]).strip(), ""]
    if "plot" in group:
        title = next(plot["title"] for plot in published.plots if plot["name"] == group["plot"])
        lines += [f"![{title}](pictures/figures-{group['plot']}-light.svg)", ""]
    lines += ["| what | figure |", "|---|---|"]
    lines += [f"| {what} | {published.written(figure)} |" for what, figure in group["rows"]]
    commands = [f"`python bench/{name}.py` (published {published.days[name]})" for name in group["benches"]]
    return [*lines, "", f"Measured by {', '.join(commands)}.", ""]
