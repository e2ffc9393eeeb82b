"""Calls over a transport: the asyncio shell of the carrier."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from math import inf
from typing import Final

from msgspec import Struct

from duologue.audio.formats import Encoding
from duologue.clock import loop_clock
from duologue.errors import ConnectionClosed
from duologue.telephony.carrier.call_plan import CallPlan
from duologue.telephony.carrier.call_report import CallReport
from duologue.telephony.carrier.call_sound import CallSound
from duologue.telephony.carrier.carrier import Carrier, MarkEcho
from duologue.telephony.carrier.networks import CallIds, network_named
from duologue.telephony.carrier.rough_line import LineQuality
from duologue.transports.base import Transport

__all__ = ["CallSettings", "OutgoingCall", "place_call"]

_CLOSE_S: Final = 2.0
"""How long an application may take to close a call that is over; a carrier cuts the connection then."""


class CallSettings(Struct, frozen=True, kw_only=True):
    """How the network behaves in a call."""

    marks: MarkEcho | None = None
    """None: as the network does it."""
    quality: LineQuality = LineQuality()
    seed: int = 0
    """Of what is left to chance: the same seed loses the same pieces."""
    ids: CallIds = CallIds()
    encoding: Encoding | None = None
    """Of the call; None: what the network mostly has."""


_STANDARD: Final = CallSettings()


class OutgoingCall:
    """A call while it goes on, and afterwards: `report` and `sound` are what has become of it so far."""

    def __init__(self, transport: Transport, protocol: str, plan: CallPlan, settings: CallSettings = _STANDARD) -> None:
        """The call begins now.

        Raises:
            ValueError: the protocol is not known, or never brings audio out of order.
            MissingExtra: a clip has another rate than the call, and the `audio` extra is not installed.
        """
        self._transport = transport
        self._now = loop_clock()
        self._carrier = Carrier(
            network_named(protocol),
            plan,
            now=self._now(),
            chance=random.Random(settings.seed).random,
            ids=settings.ids,
            marks=settings.marks,
            quality=settings.quality,
            encoding=settings.encoding,
        )
        self._changed = asyncio.Event()

    @property
    def report(self) -> CallReport:
        """What has become of the call."""
        return self._carrier.report(self._now())

    @property
    def sound(self) -> CallSound:
        """What was said and heard."""
        return self._carrier.sound

    def hang_up(self) -> None:
        """The caller hangs up."""
        self._carrier.hang_up(now=self._now())
        self._changed.set()

    async def run(self) -> CallReport:
        """Hold the call until one side ends it. Cancelled, it hangs up. Once for each call."""
        reading = asyncio.ensure_future(self._read())  # noqa: TID251 - ended below
        try:
            await self._write()
        finally:
            self.hang_up()
            await self._close(reading)
        return self.report

    async def _write(self) -> None:
        carrier = self._carrier
        with suppress(ConnectionClosed):  # which the reader tells
            while carrier.next_frames_at != inf:
                self._changed.clear()
                for frame in carrier.take_frames(self._now()):
                    await self._transport.send(frame)
                await self._wait(carrier.next_frames_at)
        while carrier.ended is None:
            await self._changed.wait()

    async def _wait(self, until: float) -> None:
        if until == -inf or until == inf:
            await asyncio.sleep(0)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._changed.wait()

    async def _read(self) -> None:
        carrier = self._carrier
        try:
            while True:
                carrier.receive(await self._transport.receive(), now=self._now())
                self._changed.set()
        except ConnectionClosed as fault:
            carrier.closed(fault.code, fault.reason, now=self._now())
            self._changed.set()

    async def _close(self, reading: asyncio.Future[None]) -> None:
        with suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                for frame in self._carrier.take_frames(self._now()):
                    await self._transport.send(frame)
        await self._transport.close()
        reading.cancel()
        await asyncio.wait([reading])


async def place_call(
    transport: Transport, protocol: str, plan: CallPlan, settings: CallSettings = _STANDARD
) -> OutgoingCall:
    """Call an application over a transport, and hold the call until one side ends it.

    Returns the call, with its report and its sound. Cancelled, it hangs up.

    Raises:
        ValueError: the protocol is not known, or never brings audio out of order.
        MissingExtra: a clip has another rate than the call, and the `audio` extra is not installed.
    """
    call = OutgoingCall(transport, protocol, plan, settings)
    await call.run()
    return call
