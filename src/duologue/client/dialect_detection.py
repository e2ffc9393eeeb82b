"""Detects a session's dialect where the application does not name it.

A URL that identifies the dialect settles it before anything is sent. Otherwise the dialect is "openai", which reads the
historical names too, until one of the server's first frames clearly shows another; it changes once at most. What was
sent by then stays as it was written, so an application that sends before it has received should name the dialect. The
key is not sent again, and no frame that was read is lost.

A proxy may show one era and take the other. When such a server rejects a setting that only one era has, the dialect
changes to the other era's, once, and the rejected `session.update` is sent again in that one's spelling.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Final

from duologue.codec.jsontext import parse_object
from duologue.dialects import DEFAULT_DIALECT, detect
from duologue.dialects.detection import Guess
from duologue.errors import DecodeError
from duologue.events import RealtimeError, is_set
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

_OTHER_ERA: Final = {"openai": "openai-beta", "openai-beta": "openai"}

_ERA_SETTINGS: Final[Mapping[str, frozenset[str]]] = {
    "openai": frozenset({"type", "audio", "output_modalities", "max_output_tokens"}),
    "openai-beta": frozenset(
        {
            "type",
            "modalities",
            "voice",
            "input_audio_format",
            "output_audio_format",
            "input_audio_transcription",
            "input_audio_noise_reduction",
            "turn_detection",
            "speed",
            "max_response_output_tokens",
        }
    ),
}
"""Settings that a server of the other era rejects: it does not know them, or misses `type`."""

_NOT_TAKEN: Final = re.compile(r"(?:Unknown|Missing required|Unsupported) parameter: '?session\.(\w+)")
"""The sentences of the hosted service, which proxies pass on."""

_NOT_TAKEN_CODES: Final = frozenset({"unknown_parameter", "missing_required_parameter", "unsupported_parameter"})

_FIRST_FRAMES: Final = 3
"""How many frames are looked at: a heartbeat or a notice may come before the greeting, which has the signs."""


class DialectDetector:
    """The dialect of one connection, and whether it is settled."""

    def __init__(self, dialect: str = AUTO, *, url: str | None = None) -> None:
        self.dialect: str = dialect if dialect != AUTO else DEFAULT_DIALECT
        self._frames_left = _FIRST_FRAMES if dialect == AUTO else 0
        self._is_vendor_known = dialect != AUTO
        self._is_guessed = dialect == AUTO
        self._has_followed = False
        if dialect == AUTO and url is not None:
            guess = detect(url)
            if guess.confidence >= _SURE:  # not logged: it is in the log of the connection that is opened
                self._is_vendor_known = True
                self.dialect, self._frames_left = guess.dialect, 0

    @property
    def is_settled(self) -> bool:
        """Whether it can no longer change."""
        return self._frames_left == 0

    @property
    def is_vendor_unknown(self) -> bool:
        """Whether the dialect is no more than an era: the server is no vendor's that is known."""
        return not self._is_vendor_known and self.dialect in _ERAS

    @property
    def is_guessed(self) -> bool:
        """Whether the dialect was detected, and not named by the application."""
        return self._is_guessed

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

    def follows(self, error: RealtimeError) -> bool:
        """Whether an error says that the server takes the other era's settings; then the dialect is that one's now."""
        if not self.is_vendor_unknown or self._has_followed:
            return False
        found = _NOT_TAKEN.match(error.message)
        setting = found[1] if found is not None else ""
        if not setting and error.code in _NOT_TAKEN_CODES and is_set(error.param):
            setting = error.param.removeprefix("session.").partition(".")[0]
        if setting not in _ERA_SETTINGS[self.dialect]:
            return False
        self._frames_left, self._has_followed = 0, True
        self.dialect = _OTHER_ERA[self.dialect]
        _logger.info("the server takes the settings of %s: it rejects %s", self.dialect, printable_name(setting))
        return True

    def _settle(self, guess: Guess) -> None:
        self._frames_left = 0
        if guess.dialect != self.dialect:
            _logger.info("the server speaks %s: %s", guess.dialect, printable_name(guess.reason))
            self.dialect = guess.dialect
