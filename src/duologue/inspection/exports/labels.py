"""Labels for Audacity, beside the sound of a call."""

from __future__ import annotations

from collections.abc import Iterator

from duologue.inspection.exports.spans import named_spans
from duologue.inspection.view import CallView
from duologue.printable import printable

__all__ = ["audacity_labels"]


def audacity_labels(view: CallView, *, words: bool = True) -> Iterator[str]:
    """The lines of a label track in order: two times in seconds and a text, with tabs between them.

    https://manual.audacityteam.org/man/importing_and_exporting_labels.html. A text has no line break and no tab.
    """
    for span in sorted(named_spans(view, words=words), key=lambda each: (each.begin_s, each.end_s)):
        yield f"{span.begin_s:.6f}\t{span.end_s:.6f}\t{span.lane}: {printable(span.name)}\n"
