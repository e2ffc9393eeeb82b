"""A Live session between the core and a server that a test plays."""

from __future__ import annotations

import itertools
import json
from typing import Any, TypeVar

from duologue.codec import decode_live
from duologue.events.live import LiveSessionConfig
from duologue.protocol.live.client.core import LiveCore
from duologue.protocol.live.client.options import LiveOptions

N = TypeVar("N")

SESSION: dict[str, Any] = {"id": "live_1", "expires_at": 1_790_000_000, "model": "gpt-live-1", "status": "active"}


class Session:
    """Drives a core; `now` is the clock."""

    def __init__(self, *, start: bool = True, **options: Any) -> None:
        numbers = itertools.count(1)
        self.core = LiveCore(new_id=lambda kind: f"{kind}_{next(numbers)}", options=LiveOptions(**options))
        self.now = 0.0
        self.sent: list[dict[str, Any]] = []
        self.notices: list[Any] = []
        if start:
            self.core.start(LiveSessionConfig(model="gpt-live-1"), now=0.0)
            self.server("session.started", session=SESSION)

    def server(self, type_name: str, **fields: Any) -> list[Any]:
        """The server sends an event; returns the notices that follow."""
        self.core.receive(decode_live(json.dumps({"type": type_name, "event_id": "e", **fields})), now=self.now)
        return self.collect()

    def passes(self, seconds: float) -> list[Any]:
        """Time passes, with a tick whenever one is due; returns the notices."""
        ends_at, notices = self.now + seconds, list[Any]()
        while self.core.next_tick_at <= ends_at:
            self.now = max(self.now, self.core.next_tick_at)
            self.core.tick(self.now)
            notices += self.collect()
        self.now = ends_at
        self.core.tick(self.now)
        return [*notices, *self.collect()]

    def collect(self) -> list[Any]:
        """What the core wants sent and reported since the last call."""
        self.sent += [event.to_json() for event in self.core.take_events()]
        notices = self.core.take_notices()
        self.notices += notices
        return list(notices)

    def of(self, kind: type[N]) -> list[N]:
        """All notices of a kind so far."""
        self.collect()
        return [notice for notice in self.notices if isinstance(notice, kind)]

    @property
    def sent_types(self) -> list[str]:
        """The types of all commands so far."""
        self.collect()
        return [event["type"] for event in self.sent]
