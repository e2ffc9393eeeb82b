"""The server that `load` and `gate` call: checked, found, and priced if it is another party's."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from cyclopts import Group, Parameter
from msgspec.structs import replace

from duologue.cli.errors import UsageError, check_dialect
from duologue.cli.quantities import seconds_in
from duologue.client.dialect_detection import AUTO
from duologue.client.endpoint import Endpoint
from duologue.client.session_urls import split_server_url
from duologue.dialects import LIVE_PROFILES, PROFILES
from duologue.errors import ConnectFailed
from duologue.faults import FaultPlan, parse_faults
from duologue.load import CallerHabits, LoadFamily, LoadTarget, find_target, is_own_network
from duologue.printable import printable, printable_name
from duologue.transports.addresses import without_secrets

__all__ = ["CallsOptions", "target_of"]

_SERVER: Final = Group("Whom to call", sort_key=1)
_CALLS: Final = Group("What callers do", sort_key=2)

_MAX_FRAME_S: Final = 0.5
"""Of audio in one append: no microphone keeps back more."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class CallsOptions:
    """Options of calls to a server."""

    family: Annotated[LoadFamily, Parameter(group=_SERVER, help="Sessions to hold: Realtime or Live.")] = "realtime"
    model: Annotated[str | None, Parameter(group=_SERVER, help="Model to ask for.")] = None
    api_key: Annotated[
        str | None, Parameter(group=_SERVER, help="Key for the server; by default OPENAI_API_KEY, if that is set.")
    ] = None
    dialect: Annotated[str, Parameter(group=_SERVER, help="The server's dialect; by default found by itself.")] = AUTO
    i_pay: Annotated[
        bool, Parameter(group=_SERVER, help="Call a server outside this machine and its private networks.")
    ] = False
    fault: Annotated[
        tuple[str, ...],
        Parameter(group=_SERVER, help="A fault on the way to the server, as duologue chaos knows them."),
    ] = ()
    audio: Annotated[
        Path | None, Parameter(group=_CALLS, help="A folder of WAV files to say; by default three clips that are here.")
    ] = None
    barge_in: Annotated[float, Parameter(group=_CALLS, help="Share of answers that callers interrupt, 0 to 1.")] = 0.2
    frames: Annotated[str, Parameter(group=_CALLS, help="Audio in one append.")] = "20ms"
    answer_within: Annotated[
        str, Parameter(group=_CALLS, help="A turn is lost if nothing of an answer is heard by then.")
    ] = "10s"
    seed: Annotated[int, Parameter(group=_CALLS, help="For what is said when, and what is interrupted.")] = 1

    def check(self) -> None:
        """Raises UsageError for what cannot be."""
        check_dialect(self.dialect, tuple(LIVE_PROFILES if self.family == "live" else PROFILES))
        if not 0 <= self.barge_in <= 1:
            raise UsageError(f"--barge-in is a share from 0 to 1, not {self.barge_in:g}")
        if not 5 <= self.frame_ms <= _MAX_FRAME_S * 1000:
            raise UsageError(f"--frames is from 5ms to 500ms, not {self.frames}")
        if self.audio is not None and not self.audio.is_dir():
            raise UsageError(f"there is no folder {self.audio}")
        seconds_in(self.answer_within, "--answer-within")
        try:
            parse_faults(self.fault)
        except ValueError as fault:
            raise UsageError(f"--fault: {fault}") from None

    @property
    def frame_ms(self) -> int:
        """Milliseconds of audio in one append."""
        return round(seconds_in(self.frames, "--frames") * 1000)

    def habits(self, turns: int | None) -> CallerHabits:
        """What callers do."""
        return CallerHabits(seed=self.seed, barge_in=self.barge_in, turns=turns)


@asynccontextmanager
async def target_of(url: str, options: CallsOptions, *, call_minutes: float) -> AsyncGenerator[LoadTarget, None]:
    """The server at a URL, for the length of a block; with faults, the way to it leads through a proxy of this process.

    `call_minutes` is about how long all calls last together.

    Raises:
        UsageError: the URL is none, or the server is another party's and `--i-pay` is missing.
        ConnectFailed: it cannot be reached, or refuses.
        DuologueError: it does not speak this protocol.
    """
    try:
        where = split_server_url(url, example_path="/v1/realtime").geturl()
    except ConnectFailed as fault:
        raise UsageError(f"{printable_name(without_secrets(url))}: {fault}") from None
    if options.family == "realtime" and urlsplit(where).path.rstrip("/").endswith("/live/sessions"):
        raise UsageError("this is a URL of Live: add --family live")
    if not await is_own_network(where):
        _check_payment(where, options, call_minutes)
    key = (options.api_key or os.environ.get("OPENAI_API_KEY", "")).strip() or None
    endpoint = Endpoint(url=url, model=options.model, api_key=key, dialect=options.dialect)
    target = await find_target(endpoint, options.family)
    if target.note:
        print(f"duologue: of the server: {printable(target.note)}", file=sys.stderr)
    if not options.fault:
        yield target
        return
    from duologue.faults.proxy import chaos_proxy

    async with chaos_proxy(where, FaultPlan(options.fault, seed=options.seed)) as proxy_url:
        port = int(proxy_url.rpartition(":")[2])
        place = replace(target.place, host="127.0.0.1", port=port, authority=f"127.0.0.1:{port}", secure=False)
        yield replace(target, place=place)


def _check_payment(url: str, options: CallsOptions, call_minutes: float) -> None:
    estimate = (
        f"about {call_minutes:.0f} minutes of calls: as many of audio in, up to half as many of speech out, and with"
        " each answer the conversation so far once more"
    )
    if not options.i_pay:
        raise UsageError(
            f"{printable_name(without_secrets(url))} is no server of this machine or of a private network, and may bill"
            f" these calls: {estimate}. Add --i-pay if you pay for that"
        )
    print(f"duologue: {estimate}", file=sys.stderr)
