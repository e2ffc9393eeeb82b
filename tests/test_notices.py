"""`duologue.notices` has every notice."""

from __future__ import annotations

from duologue import notices
from duologue.protocol.client import notices as defined


def test_every_notice_is_in_the_public_module() -> None:
    assert notices.__all__ == defined.__all__
    for name in notices.__all__:
        assert getattr(notices, name) is getattr(defined, name)
