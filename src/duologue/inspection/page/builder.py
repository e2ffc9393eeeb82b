"""Builds the page of a recorded call, in one pass over its lines; samples wait in files meanwhile.

with RecordingReader(path) as recording, open("call.html", "wb") as target:
    PageBuilder(recording.header, target, nonce=…, scratch=(file, file)).build(recording.lines())
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, Protocol

import msgspec
from msgspec import Struct

from duologue.codec.jsontext import write_text
from duologue.errors import RecordingError
from duologue.inspection.figures import figures_of
from duologue.inspection.page.audio_pieces import AudioChoice, pieces_of, speech_only, without_silence, written
from duologue.inspection.page.comparison import check_comparable, differences_of, offset_s
from duologue.inspection.page.document import Document
from duologue.inspection.page.fold import LaneFold
from duologue.inspection.page.frame_texts import FrameChunks, packed, shown_line
from duologue.inspection.page.peaks import STEP_MS
from duologue.inspection.page.redaction import Redacted, Redaction
from duologue.inspection.page.sound_lanes import PlacedSound
from duologue.inspection.page.sounds import FileStore
from duologue.inspection.prices import PriceList
from duologue.printable import printable
from duologue.recording import Header, RecordingLine

__all__ = ["BuiltPage", "CallSource", "OtherCall", "PageOptions", "build_page", "call_content"]

_VERSION: Final = 1
"""Of the data in a page: `assets` read it."""

_LONG_S: Final = 600.0
"""Of a longer call, a page holds speech alone unless it is asked for more: an hour of a microphone has 17 MB as MP3."""


class PageOptions(Struct, frozen=True, kw_only=True):
    """What a page shows of a call."""

    title: str = "A call"
    audio: AudioChoice | None = None
    """None: all of a call up to 10 minutes, of a longer one what is speech."""
    without: frozenset[Redacted] = frozenset()
    prices: PriceList | None = None


class CallSource(Protocol):
    """A recording: a `RecordingReader`, or another file of frames with their times."""

    header: Header
    cut_off: bool

    def lines(self) -> Iterator[RecordingLine]:
        """All lines, once. Raises RecordingError where they cannot be read on."""
        ...


class OtherCall(Struct, frozen=True, kw_only=True):
    """A call that another one is compared with."""

    recording: CallSource
    title: str


class BuiltPage(Struct, frozen=True, kw_only=True):
    """What was built."""

    size_bytes: int
    frames: int
    duration_s: float
    failure: str | None
    """Why the recording could not be read to its end."""


def build_page(
    recording: CallSource,
    target: BinaryIO,
    *,
    nonce: str,
    scratch: tuple[BinaryIO, BinaryIO],
    options: PageOptions | None = None,
    against: OtherCall | None = None,
) -> BuiltPage:
    """Write the page of a call. Of a damaged recording it shows what comes before the damage, and says so.

    `scratch` are two empty files that are open for reading and writing, for the samples of each side: 6 MB a minute.

    Raises:
        NotComparable: the user's audio is not that of `against`. What is written by then is no page.
        OSError: a file cannot be written.
    """
    options = options or PageOptions()
    redaction = Redaction(options.without)
    other = _folded(against) if against is not None else None
    keeps = options.audio != "none" and "audio" not in options.without
    user_store, model_store = (FileStore(file) if keeps else None for file in scratch)
    fold = LaneFold(recording.header, user_store=user_store, model_store=model_store, digests=other is not None)
    document = Document(target, nonce=nonce)
    chunks = FrameChunks(document.packed)
    failure: str | None = None
    try:
        for line in recording.lines():
            changes = fold.push(line)
            chunks.push(shown_line(line, changes.content, redaction, fold.call.read))
    except RecordingError as fault:
        failure = str(fault)
    chunks.flush()
    fold.finish()
    compared = None if against is None or other is None else _compared(fold, *other, against, options, redaction)
    document.packed("frames-index", packed(write_text(fold.frames.columns())))
    audio = {
        side: written(side, pieces_of(sounds), document.packed) if keeps else []
        for side, sounds in (("user", _user(fold, options)), ("model", _model(fold)))
    }
    content = call_content(recording.header, fold, redaction, title=options.title, prices=options.prices)
    content |= {"cut_off": recording.cut_off or failure is not None}
    content |= {"notes": [*_notes(recording, failure), *content["notes"]]}
    content |= {"audio": audio, "against": compared, "live": None}
    content["frames"] = {"count": len(fold.frames), "chunks": chunks.table, "index": "frames-index"}
    document.data("call", write_text(content))
    document.close()
    return BuiltPage(
        size_bytes=document.size_bytes, frames=len(fold.frames), duration_s=fold.duration_s, failure=failure
    )


def call_content(
    header: Header, fold: LaneFold, redaction: Redaction, *, title: str, prices: PriceList | None = None
) -> dict[str, Any]:
    """What a page says about a call beside its frames and sounds, as JSON-ready data without what is left out."""
    view = fold.call.view
    cost = prices.cost_of(view.tokens, view.model) if prices is not None else None
    missing = [f"The price list has no price for {view.model or 'a model without a name'}."] if cost is None else []
    figures = msgspec.to_builtins(figures_of(view)) | {
        "talk": msgspec.to_builtins(fold.talk()),
        "wire": fold.frames.wire(),
        "cost": msgspec.to_builtins(cost),
    }
    content: dict[str, Any] = {
        "version": _VERSION,
        "title": title,
        "header": msgspec.to_builtins(header),
        "duration_s": round(fold.duration_s, 3),
        "redacted": sorted(redaction.without),
        "cut_off": False,
        "notes": missing if prices is not None else [],
        "figures": figures,
        "call": view.to_json(),
        "lanes": fold.lanes.to_json(),
    }
    content = redaction.row(content)
    content["peaks"] = {
        "step_ms": STEP_MS,
        "user": base64.b64encode(fold.user.peaks(fold.duration_s)).decode(),
        "model": base64.b64encode(fold.model.peaks(fold.duration_s, view)).decode(),
    }
    return content


def _folded(other: OtherCall) -> tuple[LaneFold, str | None]:
    """The other call as far as it can be read, and why not to its end."""
    fold, failure = LaneFold(other.recording.header, digests=True), None
    try:
        for line in other.recording.lines():
            fold.push(line)
    except RecordingError as fault:
        failure = str(fault)
    fold.finish()
    return fold, failure


def _compared(
    fold: LaneFold, other: LaneFold, failure: str | None, against: OtherCall, options: PageOptions, redaction: Redaction
) -> dict[str, Any]:
    check_comparable(fold, other)
    recording = against.recording
    content = call_content(recording.header, other, redaction, title=against.title, prices=options.prices)
    return {
        **content,
        "cut_off": recording.cut_off or failure is not None,
        "notes": [*_notes(recording, failure), *content["notes"]],
        "aligned_s": offset_s(fold, other),
        "differences": differences_of(fold.call.view.sequence, other.call.view.sequence),
    }


def _notes(recording: CallSource, failure: str | None) -> list[str]:
    """What the reader of the page must know."""
    if failure is not None:
        return [f"The recording is damaged; this is what comes before: {printable(failure)}"]
    if recording.cut_off:
        return ["The recording ends in the middle of a line, as a crash leaves it."]
    return []


def _user(fold: LaneFold, options: PageOptions) -> Iterator[PlacedSound]:
    choice = options.audio or ("all" if fold.duration_s <= _LONG_S else "speech")
    if choice == "all":
        return without_silence(fold.user.placed())
    return speech_only(fold.user.placed(), [*fold.lanes.user_speech, *fold.lanes.user_energy], fold.duration_s)


def _model(fold: LaneFold) -> Iterator[PlacedSound]:
    return without_silence(fold.model.placed(fold.call.view))
