"""Which dialect a session is held in, where the application does not say.

A URL that gives it away settles it before anything is sent. Otherwise "openai", which reads the historical names
too, holds until a frame of the server's says something else: one of the first few, once, and clearly. What has been
sent by then stays as it was written, so an application that sends before it has received had better name the dialect.
The key is not shown again, and nothing that was read is lost.
"""

from __future__ import annotations

import logging
from typing import Final

from duologue.codec.jsontext import parse_object
from duologue.dialects import DEFAULT_DIALECT, detect
from duologue.dialects.detection import Guess
from duologue.errors import DecodeError
from duologue.printable import printable_name

__all__ = ["AUTO", "DialectDetector"]

_logger = logging.getLogger(__name__)

AUTO: Final = "auto"

_SURE: Final = 0.8
"""For a vendor's own dialect: a host name or a field that nobody else has, not the shape of an id, which many share."""

_ERAS: Final = frozenset({"openai", "openai-beta"})
_LIKELY: Final = 0.5
"""For one of the two eras: whoever is nobody in particular speaks one of them."""

_FIRST_FRAMES: Final = 3
"""A heartbeat or a notice may come before the greeting; after that nobody introduces himself."""


class DialectDetector:
    """The dialect of one connection, and whether it is settled."""

    def __init__(self, dialect: str = AUTO, *, url: str | None = None) -> None:
        self.dialect = dialect if dialect != AUTO else DEFAULT_DIALECT
        self._frames_left = _FIRST_FRAMES if dialect == AUTO else 0
        if dialect == AUTO and url is not None:
            guess = detect(url)
            if guess.confidence >= _SURE:
                self._settle(guess)

    @property
    def is_settled(self) -> bool:
        """Whether it stays as it is."""
        return self._frames_left == 0

    def hear(self, message: str | bytes) -> None:
        """A frame of the server's, before it is read."""
        if self._frames_left == 0:
            return
        self._frames_left -= 1
        try:
            guess = detect(parse_object(message))
        except DecodeError:
            return  # it becomes an unknown event, which the application sees
        if guess.confidence >= (_LIKELY if guess.dialect in _ERAS else _SURE):
            self._settle(guess)

    def _settle(self, guess: Guess) -> None:
        self._frames_left = 0
        if guess.dialect != self.dialect:
            _logger.info("the server speaks %s: %s", guess.dialect, printable_name(guess.reason))
            self.dialect = guess.dialect
