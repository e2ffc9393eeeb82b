"""`duologue inspect`: a recorded call as a page, or as figures."""

from __future__ import annotations

import secrets
import sys
import tempfile
import webbrowser
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from shutil import copyfileobj
from typing import Annotated, Any, BinaryIO, Final, cast

import msgspec
from cyclopts import Parameter

from duologue.audio.files import whole_file
from duologue.cli.errors import EXIT_FAILURE, UsageError, check_outputs, sentence_of
from duologue.cli.input_files import check_readable, is_standard_input
from duologue.cli.page_server import PageServer
from duologue.codec.jsontext import write_text
from duologue.errors import RecordingError
from duologue.inspection import CallFold, figures_of
from duologue.inspection.page import (
    AUDIO_CHOICES,
    EXPORTS,
    REDACTIONS,
    AudioChoice,
    BuiltPage,
    CallSource,
    ExportKind,
    FileStore,
    LaneFold,
    NotComparable,
    OtherCall,
    PageOptions,
    Redacted,
    Redaction,
    build_page,
    export_call,
)
from duologue.inspection.prices import PriceError, PriceList
from duologue.printable import printable, printable_json
from duologue.recording.formats import FoundRecording, FrameFile

__all__ = ["inspect"]

_NONCE_BYTES: Final = 16
"""As many as the content security policy asks for: https://www.w3.org/TR/CSP3/#security-nonces"""


def inspect(
    file: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(help="Write the page to this file, and serve nothing.")] = None,
    force: Annotated[bool, Parameter(help="Replace --out if it exists.")] = False,
    no_open: Annotated[bool, Parameter(help="Serve the page, and open no browser.")] = False,
    json: Annotated[bool, Parameter(help="Print the figures as one JSON object.")] = False,
    audio: Annotated[
        str | None,
        Parameter(help="Sounds that the page holds: all, speech or none. Speech alone is usual above 10 minutes."),
    ] = None,
    redact: Annotated[
        str, Parameter(help="What the page leaves out, with commas: audio, text, tools, instructions.")
    ] = "",
    against: Annotated[Path | None, Parameter(help="Compare with this recording, of the same user audio.")] = None,
    export: Annotated[
        str | None, Parameter(help="Write --out for another program: wav (user left, model right), labels, perfetto.")
    ] = None,
    prices: Annotated[Path | None, Parameter(help="Say what it cost, by this price list in TOML.")] = None,
) -> int:
    """Look into a recorded call: both sides as they were heard, turns, delays, interruptions, functions, every frame.

    FILE is a recording of converse(record=…), duologue talk --record, duologue demo or duologue serve --record, a HAR
    file of a browser, or a log that says when each message passed; "-" is standard input. It becomes one page without a
    network, which is served on 127.0.0.1 until Ctrl-C, or written with --out. A delay counts from the end of the user's
    speech, which is where the server heard it end minus the silence that it waited for; in Live and translation, from
    the last word of the transcript. Of a damaged file, what comes before the damage is shown. Keys are never in a page.
    """
    check_readable(*(each for each in (file, against, prices) if each is not None))
    _check_together(out=out, json=json, against=against, export=export)
    inputs = [each for each in (file, against, prices) if each is not None and not is_standard_input(each)]
    check_outputs(out, force=force, inputs=inputs)
    options = _options(file, audio, redact, prices)
    _check([export] if export is not None else [], EXPORTS, "--export")
    if export is not None and out is None:
        raise UsageError(f"--export {export} needs --out, the file to write")
    with ExitStack() as stack:
        recording = _recording(stack, file)
        if json:
            return _printed(recording, options)
        other = None
        if against is not None:
            other = OtherCall(recording=_recording(stack, against), title=_title(against))
        if out is not None and export is not None:
            return _exported(recording, out, cast("ExportKind", export), options)
        if out is not None:
            return _written(recording, other, out, options)
        return _served(recording, other, options, opens=not no_open)


def _check_together(*, out: Path | None, json: bool, against: Path | None, export: str | None) -> None:
    """Raise UsageError for options of which one would have no effect."""
    given = {"--json": json, "--export": export is not None, "--against": against is not None, "--out": out is not None}
    for one, other in (("--json", "--export"), ("--json", "--against"), ("--json", "--out"), ("--export", "--against")):
        if given[one] and given[other]:
            raise UsageError(f"{one} and {other} do not go together")


def _recording(stack: ExitStack, file: Path) -> CallSource:
    frames = stack.enter_context(FrameFile(file))
    if frames.recording is not None:
        return frames.recording
    try:
        return FoundRecording(frames)
    except RecordingError as fault:
        raise UsageError(f"{fault}: inspect needs a recording of duologue, a HAR file or a log with times") from fault


def _options(file: Path, audio: str | None, redact: str, prices: Path | None) -> PageOptions:
    without = [each.strip() for each in redact.split(",") if each.strip()]
    _check(without, REDACTIONS, "--redact")
    _check([audio] if audio is not None else [], AUDIO_CHOICES, "--audio")
    return PageOptions(
        title=_title(file),
        audio=cast("AudioChoice | None", audio),
        without=frozenset(cast("list[Redacted]", without)),
        prices=_price_list(prices) if prices is not None else None,
    )


def _title(file: Path) -> str:
    return "standard input" if is_standard_input(file) else file.name


def _price_list(file: Path) -> PriceList:
    try:
        return PriceList.from_toml(file.read_text(encoding="utf-8"))
    except (PriceError, UnicodeDecodeError) as fault:
        raise UsageError(f"{file} is no price list: {fault}") from fault


def _check(given: Sequence[str], known: Sequence[str], option: str) -> None:
    for each in given:
        if each not in known:
            raise UsageError(f"{option} takes {', '.join(known)}, and not {each}")


def _printed(recording: CallSource, options: PageOptions) -> int:
    """Print the figures."""
    fold, failure = CallFold(recording.header), None
    try:
        for line in recording.lines():
            fold.push(line)
    except RecordingError as fault:
        failure = sentence_of(fault)
    figures: dict[str, Any] = msgspec.to_builtins(figures_of(fold.view))
    if options.prices is not None:
        figures["cost"] = msgspec.to_builtins(options.prices.cost_of(fold.view.tokens, fold.view.model))
    shown = {"figures": figures, "call": fold.view.to_json(), "cut_off": recording.cut_off}
    print(printable_json(write_text(Redaction(options.without).row(shown)).decode()))
    return _ended(failure)


def _exported(recording: CallSource, out: Path, kind: ExportKind, options: PageOptions) -> int:
    """Write the call for another program."""
    failure = None
    with ExitStack() as stack:
        user, model, built = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(3))
        fold = LaneFold(recording.header, user_store=FileStore(user), model_store=FileStore(model))
        try:
            for line in recording.lines():
                fold.push(line)
        except RecordingError as fault:
            failure = sentence_of(fault)
        fold.finish()
        duration_s = export_call(fold, kind, built, Redaction(options.without))
        _copy(built, out)
    print(f"{printable(str(out))}: {duration_s:.1f} s")
    return _ended(failure)


def _written(recording: CallSource, other: OtherCall | None, out: Path, options: PageOptions) -> int:
    """Write the page: a whole one, or none."""
    with tempfile.TemporaryFile() as built:
        page = _built(recording, other, built, options)
        _copy(built, out)
    print(f"{printable(str(out))}: {page.size_bytes / 1e6:.1f} MB, {page.frames} frames, {page.duration_s:.1f} s")
    return _ended(page.failure)


def _copy(built: BinaryIO, out: Path) -> None:
    built.seek(0)
    with whole_file(out) as target:
        copyfileobj(built, target)


def _served(recording: CallSource, other: OtherCall | None, options: PageOptions, *, opens: bool) -> int:
    """Serve the page until Ctrl-C."""
    with tempfile.TemporaryFile() as built:
        result = _ended(_built(recording, other, built, options).failure)
        with PageServer(built, token=secrets.token_urlsafe(_NONCE_BYTES)) as server:
            print(f"{server.url}  (until Ctrl-C)", flush=True)
            if opens:
                _open(server.url)
            with suppress(KeyboardInterrupt):  # that is how it ends
                server.run()
    return result


def _open(url: str) -> None:
    """Open a browser with a window: one in the terminal would take it, and show nothing of the page."""
    with suppress(webbrowser.Error):  # there is none, and the address is told
        browser = webbrowser.get()
        if type(browser) is not webbrowser.GenericBrowser:
            browser.open(url)


def _built(recording: CallSource, other: OtherCall | None, target: BinaryIO, options: PageOptions) -> BuiltPage:
    with ExitStack() as stack:
        user, model = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
        nonce = secrets.token_hex(_NONCE_BYTES)
        try:
            return build_page(recording, target, nonce=nonce, scratch=(user, model), options=options, against=other)
        except NotComparable as fault:
            raise UsageError(str(fault)) from fault


def _ended(failure: str | None) -> int:
    if failure is None:
        return 0
    print(f"duologue: {printable(failure)}", file=sys.stderr)
    return EXIT_FAILURE
