"""Detects a session's dialect where the application does not name it.

A URL that identifies the dialect settles it before anything is sent. Otherwise the dialect is "openai", which reads the
historical names too, until one of the server's first frames clearly shows another; it changes once at most. What was
sent by then stays as it was written, so an application that sends before it has received should name the dialect. The
key is not sent again, and no frame that was read is lost.
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
"""The confidence that a vendor's dialect needs: a host name or a field that only this vendor has. The shape of an id,
which many share, is not enough."""

_ERAS: Final = frozenset({"openai", "openai-beta"})
_LIKELY: Final = 0.5
"""The confidence that one of the two OpenAI dialects needs: a server without signs of a vendor speaks one of them."""

_FIRST_FRAMES: Final = 3
"""How many frames are looked at: a heartbeat or a notice may come before the greeting, which has the signs."""


class DialectDetector:
    """The dialect of one connection, and whether it is settled."""

    def __init__(self, dialect: str = AUTO, *, url: str | None = None) -> None:
        self.dialect = dialect if dialect != AUTO else DEFAULT_DIALECT
        self._frames_left = _FIRST_FRAMES if dialect == AUTO else 0
        if dialect == AUTO and url is not None:
            guess = detect(url)
            if guess.confidence >= _SURE:  # not logged: it is in the log of the connection that is opened
                self.dialect, self._frames_left = guess.dialect, 0

    @property
    def is_settled(self) -> bool:
        """Whether it can no longer change."""
        return self._frames_left == 0

    def observe(self, message: str | bytes) -> None:
        """Look at a frame of the server's, before it is decoded."""
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
