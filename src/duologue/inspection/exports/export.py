"""The kinds of export, by name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from duologue.inspection.exports.labels import audacity_labels
from duologue.inspection.exports.stereo import CannotExport, stereo_wav
from duologue.inspection.exports.trace import chrome_trace
from duologue.inspection.page.fold import LaneFold

__all__ = ["EXPORTS", "exported"]

EXPORTS: Final = ("wav", "labels", "perfetto")
"""A stereo WAV file, a label track of Audacity, and a trace that https://ui.perfetto.dev opens."""


def exported(fold: LaneFold, kind: str, *, without: Collection[str] = ()) -> Iterator[bytes]:
    """The pieces of a file of one of `EXPORTS`. `without` is what is redacted, as in a page: audio, text, tools.

    Raises:
        CannotExport: the call does not fit into such a file, or what was redacted is all that it holds.
    """
    words = not {"text", "tools"} & set(without)
    match kind:
        case "wav":
            if "audio" in without:
                raise CannotExport("without audio there is no WAV file")
            yield from stereo_wav(
                tuple(fold.user.placed()), tuple(fold.model.placed(fold.call.view)), duration_s=fold.duration_s
            )
        case "labels":
            yield from (line.encode() for line in audacity_labels(fold.call.view, words=words))
        case "perfetto":
            yield from chrome_trace(fold.call.view, words=words)
        case _:
            raise ValueError(f"no such export: {kind!r}")
