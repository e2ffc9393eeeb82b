"""`duologue status`: how a server is doing, from its metrics."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from contextlib import nullcontext
from typing import Annotated, Any, Final

from cyclopts import Group, Parameter
from rich.console import Console
from rich.live import Live
from rich.text import Text

from duologue.cli.errors import EXIT_FAILURE, TurnFailed, sentence_of
from duologue.cli.local_server import KEY_VARIABLE
from duologue.cli.quantities import seconds_in
from duologue.cli.run import run_to_end
from duologue.cli.status.server_pages import ServerPages, pages_at
from duologue.cli.status.server_status import Look, ServerStatus
from duologue.cli.views.status import status_json, status_lines
from duologue.cli.views.views import print_json
from duologue.errors import ConnectFailed

__all__ = ["status"]

_OUTPUT: Final = Group("Output", sort_key=2)

_CLIENT_KEY_VARIABLE: Final = "OPENAI_API_KEY"

_RECENT_S: Final = 60.0
"""What --watch calls recent: long enough for percentiles of some turns, short enough to see a change."""

_WIDE: Final = 160
"""Columns without a terminal: one line for each thing can be searched."""


def status(
    url: str,
    /,
    *,
    api_key: Annotated[
        str | None,
        Parameter(help=f"Key for the server; by default the first of {KEY_VARIABLE}, or {_CLIENT_KEY_VARIABLE}."),
    ] = None,
    every: Annotated[str, Parameter(help="Between two looks; rates are of the time between them.")] = "2s",
    watch: Annotated[
        bool, Parameter(group=_OUTPUT, help="Look again and again, and show the last minute; Ctrl-C ends it.")
    ] = False,
    json: Annotated[
        bool, Parameter(group=_OUTPUT, help="Print one JSON object; with --watch, one on each line.")
    ] = False,
) -> int:
    """Show how the duologue server at URL is doing: sessions, rates, latencies, engines, memory, workers, calls.

    URL is that of its sessions, of one of its pages, or its base URL. It is read from /metrics, /readyz and /healthz.
    Exit code 1 if the server takes no sessions, or does not say.
    """
    pages = pages_at(url, api_key=_key(api_key))
    every_s = seconds_in(every, "--every")
    return run_to_end(_watch(pages, every_s, as_json=json) if watch else _once(pages, every_s, as_json=json))


def _key(given: str | None) -> str | None:
    """A server has several keys in its variable; any of them will do."""
    ours = os.environ.get(KEY_VARIABLE, "").partition(",")[0]
    return (given or ours or os.environ.get(_CLIENT_KEY_VARIABLE, "")).strip() or None


async def _once(pages: ServerPages, every_s: float, *, as_json: bool) -> int:
    before = await pages.look()
    await asyncio.sleep(every_s)
    found = _between(before, await pages.look(), pages)
    if as_json:
        print_json(status_json(found))
    else:
        _console().print(status_lines(found, recent=False))
    return 0 if found.is_ready else EXIT_FAILURE


async def _watch(pages: ServerPages, every_s: float, *, as_json: bool) -> int:
    """Goes on when the server is away for a while, but not if it has not been there at first."""
    looks = deque([await pages.look()])
    console = _console()
    screen = Live(console=console, auto_refresh=False) if console.is_terminal and not as_json else None
    with screen or nullcontext():
        while True:
            await asyncio.sleep(every_s)
            try:
                looks.append(await pages.look())
            except (ConnectFailed, TurnFailed) as fault:
                looks = deque(list(looks)[-1:])
                shown: Any = Text(f"{pages.base}  {sentence_of(fault)}", "bold red")
                line: dict[str, Any] = {"ready": False, "url": pages.base, "problem": sentence_of(fault)}
            else:
                while len(looks) > 2 and looks[1].at_s <= looks[-1].at_s - _RECENT_S:
                    looks.popleft()
                found = _between(looks[0], looks[-1], pages)
                shown, line = status_lines(found, recent=True), status_json(found)
            if as_json:
                print_json(line)
            elif screen is not None:
                screen.update(shown, refresh=True)
            else:
                console.print(shown)
                console.print()


def _between(before: Look, now: Look, pages: ServerPages) -> ServerStatus:
    try:
        return ServerStatus.between(before, now, url=pages.base)
    except ValueError as fault:
        raise TurnFailed(f"{pages.base}/metrics is no page of metrics of a duologue server: it has {fault}") from None


def _console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDE
    return console
