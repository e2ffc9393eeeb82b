"""What a server does otherwise than it was asked to: duologue's lists it in the session, and it is logged here."""

from __future__ import annotations

import logging
from typing import Any, Final

from duologue.events import AnySession
from duologue.printable import printable_message, printable_name

__all__ = ["SessionWarnings"]

_logger = logging.getLogger("duologue.client")

_MAX_LOGGED: Final = 20
"""In one conversation. A server lists what was asked for, which is a handful of settings."""


class SessionWarnings:
    """One conversation's; each is logged once."""

    def __init__(self) -> None:
        self._logged: set[tuple[str, str]] = set()

    def log(self, session: AnySession) -> None:
        """Log the warnings of a session that were not in an earlier one."""
        listed: Any = session.extra.get("warnings")
        for each in listed[:_MAX_LOGGED] if isinstance(listed, list) else ():
            match each:
                case {"param": str(param), "message": str(message)}:
                    known = (param, message)
                    if known not in self._logged and len(self._logged) < _MAX_LOGGED:
                        self._logged.add(known)
                        _logger.warning(
                            "the server does not do as asked: %s: %s", printable_name(param), printable_message(message)
                        )
                case _:
                    continue
