"""`duologue.notices` has every notice."""

from __future__ import annotations

from typing import get_args

import pytest

from duologue import notices


def test_every_notice_is_in_the_public_module() -> None:
    kinds = {*get_args(notices.Notice), *get_args(notices.LiveNotice), notices.Utterance}
    assert set(notices.__all__) == {kind.__name__ for kind in kinds} | {"Notice", "LiveNotice"}
    for kind in kinds:
        assert getattr(notices, kind.__name__) is kind


def test_a_name_that_is_no_notice_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Turn'"):
        notices.Turn  # type: ignore[attr-defined]  # noqa: B018
