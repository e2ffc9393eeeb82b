"""What `stream` and `on` of a translation take."""

from __future__ import annotations

from typing import Any

import pytest

from duologue.client.translation.kinds import TranslationKindFilter
from duologue.events import (
    ResponseDoneEvent,
    TranslationEvent,
    TranslationSessionClosedEvent,
    TranslationSessionCloseEvent,
    UnknownTranslationEvent,
)
from duologue.notices import SourceText, TextDelta, TranslatedText, TranslationNotice

TEXT = TranslatedText(text="hola")
CLOSED = TranslationSessionClosedEvent(event_id="e")


@pytest.mark.parametrize(
    ("kinds", "matched"),
    [
        ((TranslatedText,), [TEXT]),
        ((TranslatedText | SourceText,), [TEXT]),
        ((TranslationNotice,), [TEXT]),
        ((TranslationSessionClosedEvent,), [CLOSED]),
        (("session.closed",), [CLOSED]),
        ((TranslationEvent,), [CLOSED]),
        ((UnknownTranslationEvent, SourceText), []),
        ((object,), [TEXT, CLOSED]),
    ],
)
def test_a_kind_is_a_notice_an_event_or_a_wire_name(kinds: tuple[Any, ...], matched: list[object]) -> None:
    wanted = TranslationKindFilter(kinds)
    assert [each for each in (TEXT, CLOSED) if wanted.matches(each)] == matched


@pytest.mark.parametrize(
    ("kinds", "kind", "words"),
    [
        ((), TypeError, "no kind is given"),
        ((TextDelta,), TypeError, "TextDelta is no kind"),
        ((ResponseDoneEvent,), TypeError, "no kind of notice of a translation"),
        ((TranslationSessionCloseEvent,), TypeError, "only clients send it"),
        (("session.close",), ValueError, "only clients send it"),
        (("response.done",), ValueError, "no event of a translation"),
        ((3,), TypeError, "int is no kind"),
    ],
)
def test_what_is_none_is_refused(kinds: tuple[Any, ...], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        TranslationKindFilter(kinds)
