"""Exports of a call, by their names."""

from __future__ import annotations

import pytest

from duologue.inspection.exports import EXPORTS, CannotExport, exported
from duologue.inspection.page.fold import LaneFold


@pytest.mark.parametrize(("kind", "begin"), [("wav", b"RIFF"), ("labels", b""), ("perfetto", b"{")])
def test_each_kind_makes_its_file_even_of_an_empty_call(kind: str, begin: bytes) -> None:
    assert kind in EXPORTS
    assert b"".join(exported(LaneFold(), kind)).startswith(begin)


def test_what_is_redacted_is_not_exported() -> None:
    with pytest.raises(CannotExport, match="without audio there is no WAV file"):
        list(exported(LaneFold(), "wav", without={"audio"}))


def test_there_is_no_other_kind() -> None:
    with pytest.raises(ValueError, match="no such export: 'mp3'"):
        list(exported(LaneFold(), "mp3"))
