"""`duologue.notices` has every notice."""

from __future__ import annotations

from typing import get_args

from duologue import notices


def test_every_notice_is_in_the_public_module() -> None:
    assert set(notices.__all__) == {kind.__name__ for kind in get_args(notices.Notice)} | {"Notice"}
    for kind in get_args(notices.Notice):
        assert getattr(notices, kind.__name__) is kind
