"""What we send in a vendor's dialect, laid beside recorded sessions of that vendor: the same fields, of the same types.

`recorded/DIALECT.json` has the shapes of recorded frames, made by `_shapes.py`, which says how. Differences that we
accept are below, each with its reason; a difference that is gone is to be taken out.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import pytest

from tests.server.dialect._served import served_frames
from tests.server.dialect._shapes import differences, read_shapes, shapes_of, write_shapes

pytestmark = pytest.mark.timeout(60)

_RECORDED: Final = {path.stem: path for path in (Path(__file__).parent / "recorded").glob("*.json")}

_NO_SITUATION: Final = "no recorded session had the situation"
_NOT_CAUSED: Final = "the call that is served does not cause it"
_OWN_MEASURES: Final = "measurements and bills of the vendor's own; no client reads them"
_EFFECTIVE: Final = "`session.updated` repeats all that is in force, which clients rely on"
_PIECES: Final = "pieces of a stream take the short way, without the fields that say nothing"

_ACCEPTED: Final[dict[str, dict[str, str]]] = {
    "openai": {
        "conversation.item.input_audio_transcription.failed: recorded, not served": _NOT_CAUSED,
        "rate_limits.updated: recorded, not served": "sent where the operator sets a limit: docs/differences.md",
        "* obfuscation: always recorded, not served": "it costs every client its bytes: docs/differences.md",
    },
    "openai-beta": {
        "*: never recorded": "few frames of the beta were recorded, most of them from 2024 and 2025-01",
        "conversation.item.input_audio_transcription.failed: recorded, not served": _NOT_CAUSED,
        "rate_limits.updated: recorded, not served": "sent where the operator sets a limit: docs/differences.md",
    },
    "azure-voice-live": {"error: never recorded": _NO_SITUATION},
    "xai": {
        "conversation.item.done: never recorded": "clients of the hosted service's shape wait for it",
        "error: never recorded": _NO_SITUATION,
        "response.output_text.*: never recorded": "every recorded session speaks",
        "response.done usage.*_seconds: always recorded, not served": _OWN_MEASURES,
        "response.output_audio.delta *: always recorded, not served": _OWN_MEASURES,
        "response.output_audio_transcript.delta *: always recorded, not served": _OWN_MEASURES,
        "response.function_call_arguments.delta *": _PIECES,
        "session.updated session.*: never recorded": _EFFECTIVE,
    },
}


@pytest.mark.parametrize("dialect", sorted(_RECORDED))
async def test_a_vendor_s_client_gets_the_fields_that_the_vendor_sends(dialect: str) -> None:
    recorded = read_shapes(_RECORDED[dialect].read_text(encoding="utf-8"))
    found = [*differences(recorded, shapes_of(await served_frames(dialect)))]
    accepted = _ACCEPTED[dialect]
    unexplained = [line for line in found if not any(fnmatchcase(line, pattern) for pattern in accepted)]
    assert unexplained == []
    assert [pattern for pattern in accepted if not any(fnmatchcase(line, pattern) for line in found)] == [], "are gone"


def test_shapes_come_back_as_they_were_written() -> None:
    for path in _RECORDED.values():
        text = path.read_text(encoding="utf-8")
        assert write_shapes(read_shapes(text)) == text


def test_missing_fields_foreign_fields_and_other_types_are_found() -> None:
    recorded = shapes_of([
        {"type": "a", "item": {"type": "message", "content": []}, "n": 1},
        {"type": "a", "item": {"type": "message", "content": [], "role": "user"}, "n": 2},
        {"type": "b"},
    ])  # fmt: skip
    served = shapes_of([{"type": "a", "item": {"type": "message", "extra": None}, "n": "1"}, {"type": "c"}])
    assert [*differences(recorded, served)] == [
        "c: never recorded",
        "b: recorded, not served",
        "a item(message).content: always recorded, not served",
        "a item(message).extra: never recorded",
        "a n: number recorded, string served",
    ]
