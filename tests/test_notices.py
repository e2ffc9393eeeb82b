"""`duologue.notices` has every notice."""

from __future__ import annotations

from typing import get_args

import pytest

from duologue import notices


def test_every_notice_is_in_the_public_module() -> None:
    unions = {
        "Notice": notices.Notice,
        "LiveNotice": notices.LiveNotice,
        "TranslationNotice": notices.TranslationNotice,
    }
    kinds = {kind for union in unions.values() for kind in get_args(union)} | {notices.Utterance}
    assert set(notices.__all__) == {kind.__name__ for kind in kinds} | set(unions)
    for kind in kinds:
        assert getattr(notices, kind.__name__) is kind


def test_a_name_that_is_no_notice_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Turn'"):
        notices.Turn  # type: ignore[attr-defined]  # noqa: B018
