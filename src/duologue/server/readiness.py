"""Whether the services behind the engines can be reached: asked for `/readyz`, and told in the log when it changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from duologue.clock import loop_time
from duologue.engines.registry import Engines
from duologue.errors import EngineError
from duologue.server.telemetry.log import log_event

__all__ = ["EngineProbes"]

_HOLDS_S: Final = 5.0
"""How long an answer holds: supervisors ask every few seconds, several at once, and services count requests."""

_PROBE_S: Final = 10.0
"""For one engine's answer: those that are shipped give up after 3 s."""

_KINDS: Final = ("transcriber", "responder", "synthesizer", "translator")


class EngineProbes:
    """Asks the engines that have a `probe`. One question at a time, however many want to know."""

    def __init__(self, engines: Engines) -> None:
        self._probes: dict[str, Callable[[], Awaitable[None]]] = {
            kind: probe for kind in _KINDS if (probe := getattr(getattr(engines, kind), "probe", None)) is not None
        }
        self._faults: Mapping[str, str] = {}
        self._holds_until_s: float | None = None
        self._asking = asyncio.Lock()

    async def faults(self) -> Mapping[str, str]:
        """By kind of engine, why its service cannot be used; empty if all can. Cancelled: the question is dropped."""
        if not self._probes:
            return {}
        async with self._asking:
            if self._holds_until_s is None or loop_time() >= self._holds_until_s:
                reasons = await asyncio.gather(*(self._fault_of(probe) for probe in self._probes.values()))
                found = {kind: reason for kind, reason in zip(self._probes, reasons, strict=True) if reason is not None}
                self._log(found)
                self._faults, self._holds_until_s = found, loop_time() + _HOLDS_S
        return self._faults

    async def _fault_of(self, probe: Callable[[], Awaitable[None]]) -> str | None:
        try:
            async with asyncio.timeout(_PROBE_S):
                await probe()
        except EngineError as fault:
            return fault.unquoted
        except TimeoutError:
            return f"its probe has not ended within {_PROBE_S:g} s"
        except Exception as fault:
            return f"its probe broke: {type(fault).__name__}"
        return None

    def _log(self, found: Mapping[str, str]) -> None:
        for kind, reason in found.items():
            if kind not in self._faults:
                log_event(logging.WARNING, "engine not reachable", engine=kind, reason=reason)
        for kind in self._faults.keys() - found.keys():
            log_event(logging.WARNING, "engine reachable again", engine=kind)
