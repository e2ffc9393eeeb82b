"""The faults of one connection: messages and times in, deliveries and endings out. No I/O, no clock, no task.

A shell hands over each message that it reads (`passed`), calls `tick` when `next_at` has come, and carries out what
comes back, in order. Who sends is named as the connection's client and server, whichever of the two the shell stands
beside.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from duologue.faults.changes import AUDIO_TYPES, CHANGES
from duologue.faults.delays import Delays
from duologue.faults.made_events import MadeEvents
from duologue.faults.plan import FaultPlan, FiredFault
from duologue.faults.planned import PlannedFault
from duologue.recording import Side

__all__ = ["BROKEN", "ConnectionFaults", "Deed", "Delivery", "Impairment", "LineEnd"]

BROKEN: Final = 1006
"""The code where there was no close: RFC 6455, section 7.4.1."""

_NORMAL: Final = 1000
_GOING_AWAY: Final = 1001

_MAX_BURST_BYTES: Final = 16_000_000
"""Of audio that `mic_burst` holds back: a minute of 24 kHz in base64, four times over. Beyond it comes early."""

_MAX_TYPES: Final = 10_000
"""Types of events that are counted on a connection; the protocol has some two hundred."""

_MAX_NAME: Final = 200
"""Characters of a type that is counted; the longest of the protocol has 60."""

_OTHER: Final[dict[Side, Side]] = {"client": "server", "server": "client"}
_BOTH: Final[tuple[Side, ...]] = ("client", "server")
_LIVE: Final = frozenset({"session.start", "session.started"})


class Delivery(Struct, frozen=True):
    """Send this to a side; not before `due_at`, and behind all deliveries to it that were asked for before."""

    to: Side
    message: str | bytes
    due_at: float


class LineEnd(Struct, frozen=True):
    """End the connection, behind all deliveries that are due: with a close of these codes, or broken off (`BROKEN`)."""

    client_code: int
    server_code: int
    reason: str = ""


class Impairment(Struct, frozen=True):
    """A fault for the bytes below."""

    fault: PlannedFault


Deed: TypeAlias = Delivery | LineEnd | Impairment
"""What a connection is told to do: deliver, end, or get worse."""


class _Type(Struct):
    type: str


class _Held(Struct):
    """A message that waits for later ones."""

    message: str | bytes
    sender: Side
    first: int
    """How many messages come before it."""
    until: float


class _Armed:
    """A fault that may come to this connection."""

    def __init__(self, fault: PlannedFault, index: int) -> None:
        self.fault = fault
        self.index = index
        self.is_decided = False
        """Whether its one occasion, that of a fault without `on`, is over."""
        self.ripe_at = -math.inf
        """The earliest time at which it may come."""

    def opened(self, now: float) -> None:
        after = self.fault.after
        if after is not None and after.unit == "s":
            self.ripe_at = now + after.amount

    def is_ripe(self, now: float, counted: dict[Side, tuple[int, int]]) -> bool:
        """Whether so much has passed as `after` says."""
        after = self.fault.after
        if after is None or after.unit == "s":
            return now >= self.ripe_at
        sides = _BOTH if self.fault.acts_on is None else (self.fault.acts_on,)
        place = 0 if after.unit == "msgs" else 1
        return sum(counted[side][place] for side in sides) >= after.amount


class ConnectionFaults:
    """The faults of one connection. All times are of one clock, in seconds."""

    def __init__(self, plan: FaultPlan, *, has_bytes: bool = False) -> None:
        """`has_bytes`: the shell carries out an `Impairment`; otherwise messages come as late as their bytes would.

        Raises ValueError where the plan has a fault that only bytes can show.
        """
        unable = [] if has_bytes else sorted({fault.name for fault in plan.faults if fault.kind.needs_bytes})
        if unable:
            raise ValueError(f"{', '.join(unable)}: only the bytes of a connection show it; use `duologue chaos`")
        self.number: int = plan.opened()
        """The connection's, from 1."""
        self.is_over: bool = False
        """Whether the connection was ended; nothing more comes of it."""
        self.plan = plan
        self._opened_at = 0.0
        self._has_bytes = has_bytes
        self._armed = [
            _Armed(fault, index) for index, fault in enumerate(plan.faults) if fault.connection in (None, self.number)
        ]
        self._made = MadeEvents()
        self._counted: dict[Side, tuple[int, int]] = {"client": (0, 0), "server": (0, 0)}
        self._types: Counter[tuple[Side, str]] = Counter()
        self._delays: dict[Side, Delays] = {side: Delays(plan.chance(-1, self.number, side)) for side in _BOTH}
        """Of what this side sends."""
        self._silent_until: dict[Side, float] = dict.fromkeys(_BOTH, -math.inf)
        """What this side sends is lost until then."""
        self._slow_until: dict[Side, float] = dict.fromkeys(_BOTH, math.inf)
        """What this side sends is read slowly until then."""
        self._gap_until = self._burst_until = -math.inf
        self._burst: list[str | bytes] = []
        self._burst_bytes = 0
        self._held: list[_Held] = []
        self._lag: tuple[float, float, float] | None = None
        """When everything stands still next, how long, and how often."""
        self._looks = bool(self._armed)

    # --- what happens

    def opening(self, now: float) -> list[PlannedFault]:
        """The faults of the handshake that come now, in order. The shell answers the handshake accordingly."""
        self._opened_at = now
        return [
            armed.fault
            for armed in self._armed
            if armed.fault.kind.timing == "opening" and self._comes(armed, now, None, None)
        ]

    def opened(self, now: float) -> list[Deed]:
        """The connection is open, and its time begins: what is to come at once comes."""
        self._opened_at = now
        for armed in self._armed:
            armed.opened(now)
        return list(self._at_moments(now))

    def passed(self, sender: Side, message: str | bytes, now: float) -> list[Deed]:
        """A side has sent a message."""
        if self.is_over:
            return []
        if not self._looks:
            return [Delivery(_OTHER[sender], message, now)]
        type_name = _type_of(message)
        self._made.is_live = self._made.is_live or type_name in _LIVE
        occasion = (sender, type_name)
        if occasion in self._types or len(self._types) < _MAX_TYPES:
            self._types[occasion] += 1
        deeds = list(self._due_by_time(now))
        deeds += self._delivered(sender, message, type_name, now)
        messages, size = self._counted[sender]
        self._counted[sender] = (messages + 1, size + len(message))
        deeds += self._at_moments(now, sender, type_name)
        return deeds

    def tick(self, now: float) -> list[Deed]:
        """What is due by now."""
        return [] if self.is_over else [*self._due_by_time(now), *self._at_moments(now)]

    @property
    def next_at(self) -> float:
        """When to call `tick`; infinite: not before the next message."""
        if self.is_over:
            return math.inf
        times = [held.until for held in self._held]
        if self._burst:
            times.append(self._burst_until)
        if self._lag is not None:
            times.append(self._lag[0])
        times += [
            armed.ripe_at
            for armed in self._armed
            if armed.fault.on is None and not armed.is_decided and armed.ripe_at > -math.inf and _is_moment(armed)
        ]
        return min(times, default=math.inf)

    # --- messages

    def _delivered(self, sender: Side, message: str | bytes, type_name: str, now: float) -> Iterator[Deed]:
        if now < self._silent_until[sender]:
            return
        is_audio = sender == "client" and type_name in AUDIO_TYPES
        if is_audio and now < self._gap_until:
            return
        messages: tuple[str | bytes, ...] = (message,)
        for armed in self._armed:
            if armed.fault.kind.timing == "each" and messages:
                messages = self._changed(armed, sender, type_name, messages, now)
        if is_audio and now < self._burst_until and self._burst_bytes < _MAX_BURST_BYTES:
            self._burst += messages
            self._burst_bytes += sum(map(len, messages))
            return
        for each in messages:
            yield self._delivery(sender, each, now)
            yield from self._overtaken(sender, now)

    def _changed(
        self, armed: _Armed, sender: Side, type_name: str, messages: tuple[str | bytes, ...], now: float
    ) -> tuple[str | bytes, ...]:
        fault = armed.fault
        if fault.acts_on not in (None, sender) or not fault.is_at(type_name):
            return messages
        change = CHANGES.get(fault.name)
        chance = self._chance(armed, sender, type_name)
        changed = [change(fault, each, chance) if change is not None else () for each in messages]
        if all(each is None for each in changed) or not self._comes(armed, now, sender, type_name):
            return messages
        if change is None:  # reorder
            until = now + fault.number("ms") / 1000
            by = int(fault.number("by"))
            self._held += [_Held(each, sender, by, until) for each in messages]
            return ()
        return tuple(
            each for old, new in zip(messages, changed, strict=True) for each in ((old,) if new is None else new)
        )

    def _overtaken(self, sender: Side, now: float) -> Iterator[Delivery]:
        """One more message of this side has passed those that are held."""
        for held in list(self._held):
            if held.sender == sender:
                held.first -= 1
                if held.first <= 0:
                    self._held.remove(held)
                    yield self._delivery(sender, held.message, now)

    def _delivery(self, sender: Side, message: str | bytes, now: float) -> Delivery:
        delays = self._delays[sender]
        return Delivery(_OTHER[sender], message, delays.due_at(len(message), now) if delays.is_slow else now)

    def _due_by_time(self, now: float) -> Iterator[Deed]:
        if self._lag is not None and now >= self._lag[0]:
            at, still_s, every_s = self._lag
            for delays in self._delays.values():
                delays.hold_until(now + still_s)
            # From now on, not from when it was due: after a long silence it does not catch up.
            self._lag = (max(at + every_s, now), still_s, every_s)
        for side, until in self._slow_until.items():
            if now >= until:
                self._slow_until[side], self._delays[side].bytes_per_s = math.inf, math.inf
        for held in list(self._held):
            if now >= held.until:
                self._held.remove(held)
                yield self._delivery(held.sender, held.message, now)
        if self._burst and (now >= self._burst_until or self._burst_bytes >= _MAX_BURST_BYTES):
            burst, self._burst, self._burst_bytes = self._burst, [], 0
            for message in burst:
                yield self._delivery("client", message, now)

    # --- moments

    def _at_moments(self, now: float, sender: Side | None = None, type_name: str | None = None) -> Iterator[Deed]:
        for armed in self._armed:
            if self.is_over:
                return
            if not _is_moment(armed) or not armed.is_ripe(now, self._counted):
                continue
            if armed.fault.on is None:
                if not armed.is_decided:
                    armed.is_decided = True
                    if self._comes(armed, now, None, None):
                        yield from self._acts(armed.fault, now)
            elif type_name is not None and armed.fault.is_at(type_name) and self._comes(armed, now, sender, type_name):
                yield from self._acts(armed.fault, now)

    def _comes(self, armed: _Armed, now: float, sender: Side | None, type_name: str | None) -> bool:
        """Whether the fault comes at this occasion; if so it is told."""
        fault = armed.fault
        if not self.plan.may_come(armed.index) or not armed.is_ripe(now, self._counted):
            return False
        if fault.p < 1 and self._chance(armed, sender, type_name).random() >= fault.p:
            return False
        number = None if sender is None or type_name is None else self._types[sender, type_name]
        at_s = max(0.0, now - self._opened_at)
        fired = FiredFault(fault=fault, connection=self.number, at_s=at_s, event=type_name, number=number)
        self.plan.fire(armed.index, fired)
        return True

    def _chance(self, armed: _Armed, sender: Side | None, type_name: str | None) -> Random:
        occasion = (
            "" if sender is None or type_name is None else f"{sender}/{type_name}/{self._types[sender, type_name]}"
        )
        return self.plan.chance(armed.index, self.number, occasion)

    def _acts(self, fault: PlannedFault, now: float) -> Iterable[Deed]:
        """What a fault does that comes at a moment."""
        match fault.name:
            case "close":
                return self._closes(fault)
            case "expire":
                self.is_over = True
                code = _NORMAL if self._made.is_live else _GOING_AWAY
                return [self._delivery("server", self._made.expired(), now), LineEnd(code, _NORMAL)]
            case "error":
                return [self._delivery("server", self._made.error(fault.text("code"), fault.text("message")), now)]
            case "rate_limit":
                return [self._delivery("server", each, now) for each in self._made.rate_limited(fault.number("s"))]
            case "unknown":
                return [self._delivery(fault.acts_on or "server", self._made.unknown(fault), now)]
            case "oversize":
                sender = fault.acts_on or "server"
                return [self._delivery(sender, self._made.oversize(fault, by_client=sender == "client"), now)]
            case "second_response":
                return [self._delivery("client", self._made.second_response(), now)]
            case "lag_clock":
                self._lag = (now, fault.number("ms") / 1000, fault.number("every"))
                return list(self._due_by_time(now))
            case "mic_gap":
                self._gap_until = now + fault.number("s")
            case "mic_burst":
                self._burst_until = now + fault.number("s")
            case "stall":
                self._stalls(fault, now)
            case _:
                return [Impairment(fault)] if self._has_bytes else self._as_messages(fault, now)
        return ()

    def _closes(self, fault: PlannedFault) -> list[Deed]:
        self.is_over = True
        code = int(fault.number("code"))
        # The other side sees that this one has gone, as it would behind a proxy.
        codes = (code, _NORMAL) if fault.acts_on == "server" else (code, code)
        return [LineEnd(*codes, fault.text("reason"))]

    def _stalls(self, fault: PlannedFault, now: float) -> None:
        for side in _sides(fault):
            if fault.number("s"):
                self._delays[side].hold_until(now + fault.number("s"))
            else:
                self._silent_until[side] = math.inf

    def _as_messages(self, fault: PlannedFault, now: float) -> list[Deed]:
        """A fault of bytes, told by messages: they come as late as their bytes would."""
        lasts_s = fault.number("s") if "s" in fault.fields and fault.number("s") else math.inf
        for side in _sides(fault):
            delays = self._delays[side]
            match fault.name:
                case "latency":
                    delays.latency_s, delays.jitter_s = fault.number("ms") / 1000, fault.number("jitter") / 1000
                case "bandwidth":
                    delays.bytes_per_s = fault.number("kBps") * 1000
                case "half_open":
                    self._silent_until[side] = now + lasts_s
                case "slow_reader" if fault.number("kBps"):
                    delays.bytes_per_s = fault.number("kBps") * 1000
                    self._slow_until[side] = now + lasts_s
                case "slow_reader":
                    delays.hold_until(now + lasts_s)
                case _:  # reset and cut: a transport of messages tells them alike
                    self.is_over = True
                    return [LineEnd(BROKEN, BROKEN)]
        return []


def _sides(fault: PlannedFault) -> tuple[Side, ...]:
    return _BOTH if fault.acts_on is None else (fault.acts_on,)


def _is_moment(armed: _Armed) -> bool:
    return armed.fault.kind.timing in ("once", "lasting")


_TYPE: Final = msgspec.json.Decoder(_Type)


def _type_of(message: str | bytes) -> str:
    """The type of an event; empty for what is none, and for a name that is too long for one."""
    try:
        name = _TYPE.decode(message).type
        return name if len(name) <= _MAX_NAME else ""
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ""
