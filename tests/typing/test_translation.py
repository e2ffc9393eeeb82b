"""The typed API of translations can be imported; the type checkers of `make check` read the rest."""

from __future__ import annotations

import inspect
from typing import get_args

from duologue import notices
from tests.typing import translation


def test_every_notice_of_a_translation_is_matched() -> None:
    source = inspect.getsource(translation.every_translation_notice)
    assert [cls.__name__ for cls in get_args(notices.TranslationNotice) if f".{cls.__name__}(" not in source] == []
