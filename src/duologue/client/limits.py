"""Limits of a client: how long it waits, and how much it queues."""

from __future__ import annotations

from typing import Final

__all__ = [
    "APPEND_CLIP_MS",
    "CONFIG_ANSWER_S",
    "FINISH_S",
    "FIRST_EVENT_S",
    "FLUSH_S",
    "MAX_QUEUED_EVENTS",
    "MAX_UNREAD_NOTICES",
    "POLL_S",
    "SILENT_ANSWER_S",
    "TOOL_TIMEOUT_S",
]

POLL_S: Final = 0.5
"""How often the clock is checked while no event comes: fine enough for limits of whole seconds."""

FLUSH_S: Final = 1.0
"""How long a close waits until what was sent before it is on its way. A server that reads nothing gets the close
without the rest."""

FINISH_S: Final = 20.0
"""How long to wait until everything that was said has been told: as long as the clients of vendors wait."""

FIRST_EVENT_S: Final = 1.5
"""How long to wait for the server's first event where it decides the dialect. Some servers never greet: after this time
the default dialect is used."""

CONFIG_ANSWER_S: Final = 2.0
"""How long to wait for the answer to a `session.update`: the hosted service takes some 150 ms, a server that loads a
voice a second. Some servers never answer one, and a caller must not wait for those for longer."""

SILENT_ANSWER_S: Final = 0.5
"""The same for a server that has said nothing within `FIRST_EVENT_S`: most of those do not answer either."""

TOOL_TIMEOUT_S: Final = 30.0
"""How long a function that the model calls may run."""

APPEND_CLIP_MS: Final = 1000
"""How much of a clip one event carries: 64 kB at 24 kHz, which every server's limit on messages allows."""

MAX_QUEUED_EVENTS: Final = 256
"""Events that may wait on either side, some ten seconds of a busy session. A reader that is further behind stops the
socket from being read, and so the server from sending; a sender that is further ahead waits. Nothing is dropped."""

MAX_UNREAD_NOTICES: Final = 4096
"""More than ten minutes of speech in the usual pieces: a reader that far behind has stopped reading. Waiting for it
would stop the conversation, and dropping notices would make a hole in what it reads; so its stream ends, with
StreamOverflow."""
