"""Limits of a client: how long it waits, and how much it queues."""

from __future__ import annotations

from typing import Final

__all__ = ["FLUSH_S", "INTRODUCTION_S", "LOOK_S", "LOOP_LAG_MS", "MAX_QUEUED_EVENTS", "MAX_UNREAD_NOTICES"]

LOOK_S: Final = 0.5
"""How often the time is looked at while no event comes: fine enough for limits of whole seconds."""

FLUSH_S: Final = 1.0
"""How long an end waits for what was sent before it; a server that reads nothing gets the close without the rest."""

INTRODUCTION_S: Final = 2.0
"""How long a server may take to say its first words before it is spoken to in the usual dialect: some never greet."""

MAX_QUEUED_EVENTS: Final = 256
"""Events that may wait on either side, some ten seconds of a busy session. A reader that is further behind stops the
socket from being read, and so the server from sending; a sender that is further ahead waits. Nothing is dropped."""

MAX_UNREAD_NOTICES: Final = 4096
"""More than ten minutes of speech in the usual pieces: a reader that far behind has stopped reading. Waiting for it
would stop the conversation, and dropping notices would make a hole in what it reads; so its stream ends, with
StreamOverflow."""

LOOP_LAG_MS: Final = 250
"""Speech that arrives so much late is heard to be late."""
