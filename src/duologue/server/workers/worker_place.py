"""What a worker has from its parent, by a variable of its environment."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Final

from msgspec import Struct

__all__ = ["VARIABLE", "WorkerPlace", "worker_place"]

VARIABLE: Final = "_DUOLOGUE_WORKER"
"""Tells a process that it is a worker, and of which sockets. No option: its name is not for people to set."""


class WorkerPlace(Struct, frozen=True, kw_only=True):
    """What a worker has from its parent."""

    control: int
    """Descriptor of the control channel."""
    handed: int
    """Descriptor of the socket over which connections come."""
    streams: int
    """Descriptor of the socket over which workers pass each other streams."""
    number: int
    """Of this worker; no other one of its parent has or had it."""
    workers: int
    """How many there are: each has its share of the cores."""

    @property
    def text(self) -> str:
        """The variable's value."""
        return f"{self.control},{self.handed},{self.streams},{self.number},{self.workers}"

    @property
    def threads(self) -> int:
        """How many threads an engine may compute in."""
        return max(1, (os.cpu_count() or 1) // self.workers)


def worker_place(environment: MutableMapping[str, str]) -> WorkerPlace | None:
    """This process's place among the workers; None: it is none. The variable is removed, so that no child has it."""
    text = environment.pop(VARIABLE, None)
    if text is None:
        return None
    control, handed, streams, number, workers = map(int, text.split(","))
    return WorkerPlace(control=control, handed=handed, streams=streams, number=number, workers=workers)
