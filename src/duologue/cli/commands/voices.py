"""`duologue voices`: lists the voices of a server, or those that are shipped."""

from __future__ import annotations

import os
import re
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from duologue.cli.errors import TurnFailed
from duologue.cli.run import run_to_end
from duologue.engines.registry import DEFAULTS, load
from duologue.engines.remote.endpoint import HttpService
from duologue.engines.remote.voices import voices_in
from duologue.engines.worker import Worker
from duologue.printable import printable_name

__all__ = ["voices"]

_KEY_VARIABLE = "OPENAI_API_KEY"


def voices(
    url: str | None = None,
    /,
    *,
    api_key: Annotated[
        str | None, Parameter(help=f"Key for the server; by default {_KEY_VARIABLE}, if that is set.")
    ] = None,
    json: Annotated[bool, Parameter(help="Write one JSON object: voices, and languages where they are known.")] = False,
) -> int:
    """List the voices of the server at URL, one on each line; without a URL, those that are shipped.

    URL is that of any server with /v1/audio/voices: a duologue server, or a service of speech such as --synthesizer-url
    takes.
    """
    return run_to_end(_list(url, (api_key or os.environ.get(_KEY_VARIABLE, "")).strip() or None, as_json=json))


async def _list(url: str | None, api_key: str | None, *, as_json: bool) -> int:
    names, languages = await _shipped() if url is None else await _served(url, api_key)
    if as_json:
        print(msgspec.json.encode({"voices": names, "languages": languages}).decode("utf-8"))
    else:
        for name in names:
            print(printable_name(name))
    return 0


async def _shipped() -> tuple[list[str], Any]:
    async with Worker(threads=2) as worker:
        synthesizer = await load("synthesizer", DEFAULTS["synthesizer"], worker)
        transcriber = await load("transcriber", DEFAULTS["transcriber"], worker)
    languages = {"understood": list(transcriber.languages), "spoken": list(synthesizer.languages)}
    return list(synthesizer.voices), languages


async def _served(url: str, api_key: str | None) -> tuple[list[str], Any]:
    service = HttpService(_base_of(url), engine="voices", service="the server", api_key=api_key)
    try:
        content = await service.get("audio/voices")
    finally:
        await service.aclose()
    names = voices_in(content or b"")
    if content is None or not names:
        raise TurnFailed(f"{service.host} lists no voices at {service.url_of('audio/voices').path}")
    try:
        languages = msgspec.json.decode(content, type=_Listed).languages
    except ValueError:  # of another server, which may have anything there, or a list in place of an object
        languages = None
    return list(names), languages


class _Listed(msgspec.Struct):
    languages: dict[str, list[str] | None] | None = None


def _base_of(url: str) -> str:
    """The URL above `/audio`: of the server's sessions, of its root, or this one itself."""
    with_scheme = url if "://" in url else f"http://{url}"
    by_http = re.sub(r"^ws(s?)://", r"http\1://", with_scheme)
    base = re.sub(r"/(realtime|live/sessions|audio/voices)/?$", "", by_http).rstrip("/")
    return base if re.sub(r"^\w+://[^/]*", "", base) else f"{base}/v1"
