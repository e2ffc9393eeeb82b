"""What can be broken on purpose: every fault with its fields, as a table.

The grammar, the checks, the help and the page of the docs are made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from duologue.recording import Side

__all__ = ["KINDS", "FaultField", "FaultKind", "FaultLayer", "FieldValue", "Timing"]

FaultLayer: TypeAlias = Literal["bytes", "handshake", "message", "client"]
"""Where it acts: on the bytes of the TCP connection, on the HTTP request that opens the WebSocket, on its messages, or
on a client's messages as trouble in the client itself would."""

Timing: TypeAlias = Literal["opening", "each", "once", "lasting"]
"""At the handshake; to a message that passes; at a moment; from a moment on."""

FieldValue: TypeAlias = float | int | str
"""The value of a fault's field."""

_HOUR_S: Final = 3600.0
"""No test waits longer for a fault to end."""

_MINUTE_MS: Final = 60_000
"""A link that is slower than this is a link that is dead: `half_open`."""

_MAX_MB: Final = 64.0
"""Four times the largest message of the protocol; the message is made in memory."""

_BOTH: Final[tuple[Side, ...]] = ("client", "server")
_SERVER: Final[tuple[Side, ...]] = ("server",)
_CLIENT: Final[tuple[Side, ...]] = ("client",)


class FaultField(Struct, frozen=True):
    """A field of a fault. Bounds are included."""

    name: str
    """As a plan spells it."""
    default: FieldValue
    """Its type is the field's."""
    doc: str
    """What it means, with its unit."""
    least: float = 0
    """The smallest value of a number."""
    most: float = _HOUR_S
    """The largest value of a number."""


class FaultKind(Struct, frozen=True, kw_only=True):
    """A fault of the vocabulary."""

    name: str
    """As a plan spells it."""
    layer: FaultLayer
    timing: Timing
    doc: str
    """What it does."""
    imitates: str
    """What breaks like this outside of tests."""
    fields: tuple[FaultField, ...] = ()
    """What a plan may set."""
    senders: tuple[Side, ...] = _BOTH
    """What `from` may be; empty: it makes no difference."""
    sender: Side | None = None
    """What `from` is where it is not given; None: both directions."""
    on: str | None = None
    """What `on` is where neither `on` nor `after` is given."""
    times: int | None = 1
    """What `times` is where neither it nor `p` is given; None: no limit."""
    needs_bytes: bool = False
    """Whether only the bytes of a connection can show it: `duologue chaos`, and not a transport of messages."""


def _lasts(what: str) -> FaultField:
    return FaultField("s", 0.0, f"seconds for which {what}; 0: to the end of the connection")


_TABLE: Final = (
    # --- bytes
    FaultKind(
        name="latency",
        layer="bytes",
        timing="lasting",
        doc="Everything arrives later, in order.",
        imitates="a far region",
        fields=(
            FaultField("ms", 150.0, "milliseconds, each way", most=_MINUTE_MS),
            FaultField("jitter", 0.0, "up to so many milliseconds more, by chance", most=_MINUTE_MS),
        ),
        times=None,
    ),
    FaultKind(
        name="bandwidth",
        layer="bytes",
        timing="lasting",
        doc="No more than so many bytes a second arrive.",
        imitates="a telephone's network: audio falls behind",
        fields=(FaultField("kBps", 16.0, "thousands of bytes a second, each way", least=0.1, most=1e6),),
        times=None,
    ),
    FaultKind(
        name="slice",
        layer="bytes",
        timing="lasting",
        doc="Everything arrives in pieces of so many bytes.",
        imitates="fragmentation by TLS and proxies",
        fields=(FaultField("bytes", 7, "bytes of a piece", least=1, most=65_536),),
        times=None,
        needs_bytes=True,
    ),
    FaultKind(
        name="reset",
        layer="bytes",
        timing="once",
        doc="The TCP connection is reset, on both sides.",
        imitates="a process that was killed, a firewall",
        senders=(),
    ),
    FaultKind(
        name="cut",
        layer="bytes",
        timing="once",
        doc="The TCP connection ends without a close of the WebSocket, on both sides.",
        imitates="a load balancer that restarts",
        senders=(),
    ),
    FaultKind(
        name="half_open",
        layer="bytes",
        timing="lasting",
        doc="Nothing arrives any more, pings and closes included, and the connection stays open.",
        imitates="a cable that was pulled, a network that was changed",
        fields=(_lasts("nothing arrives"),),
        senders=(),
    ),
    FaultKind(
        name="slow_reader",
        layer="bytes",
        timing="lasting",
        doc="What one side sends is not read, or slowly: its buffers fill.",
        imitates="a peer that is overloaded or blocked",
        fields=(
            FaultField("kBps", 0.0, "thousands of bytes a second that are read", most=1e6),
            _lasts("it is so"),
        ),
        sender="client",
    ),
    FaultKind(
        name="corrupt",
        layer="bytes",
        timing="once",
        doc="A bit in the header of the next frame is flipped.",
        imitates="a broken middlebox",
        sender="server",
        needs_bytes=True,
    ),
    # --- handshake
    FaultKind(
        name="refuse",
        layer="handshake",
        timing="opening",
        doc="The handshake is answered with an HTTP error.",
        imitates="a wrong key (401), a limit (429), a server that starts or is full (503)",
        fields=(
            FaultField("http", 429, "the status", least=400, most=599),
            FaultField("retry_after", 0.0, "seconds of a `Retry-After` header; 0: none"),
        ),
        sender="server",
        senders=_SERVER,
    ),
    FaultKind(
        name="redirect",
        layer="handshake",
        timing="opening",
        doc="The handshake is answered with a redirect to another origin, where a key must not follow.",
        imitates="a captive portal",
        fields=(
            FaultField("to", "https://portal.invalid/", "where it leads"),
            FaultField("http", 302, "the status", least=300, most=308),
        ),
        sender="server",
        senders=_SERVER,
    ),
    FaultKind(
        name="handshake_delay",
        layer="handshake",
        timing="opening",
        doc="The handshake is answered late.",
        imitates="a server that starts at the first request",
        fields=(FaultField("s", 5.0, "seconds"),),
        sender="server",
        senders=_SERVER,
    ),
    # --- messages
    FaultKind(
        name="close",
        layer="message",
        timing="once",
        doc="The WebSocket is closed with a code.",
        imitates="the hour's limit (1001), a policy (1008), a failure (1011), a restart (1012), a busy server (1013)",
        fields=(
            FaultField("code", 1011, "the code", least=1000, most=4999),
            FaultField("reason", "", "the reason"),
        ),
        sender="server",
    ),
    FaultKind(
        name="expire",
        layer="message",
        timing="once",
        doc="The session is over: an `error` with the code `session_expired` and a close with 1001; of Live, "
        "`session.closed` and a close with 1000.",
        imitates="the longest duration of hosted sessions",
        sender="server",
        senders=_SERVER,
    ),
    FaultKind(
        name="stall",
        layer="message",
        timing="lasting",
        doc="Pings are answered, and messages do not come; those of the time are lost if it is to the end, else late.",
        imitates="a model that hangs behind a gateway that lives",
        fields=(_lasts("no message comes"),),
        sender="server",
    ),
    FaultKind(
        name="error",
        layer="message",
        timing="once",
        doc="The server sends an `error` that answers no event of the client.",
        imitates="everything that hosted services refuse",
        fields=(
            FaultField("code", "server_error", "`error.code`, such as `insufficient_quota`"),
            FaultField("message", "", "`error.message`; without it, one that fits the code"),
        ),
        sender="server",
        senders=_SERVER,
    ),
    FaultKind(
        name="rate_limit",
        layer="message",
        timing="once",
        doc="`rate_limits.updated` with nothing left, and an `error` with the code `rate_limit_exceeded`.",
        imitates="the limits of hosted services",
        fields=(FaultField("s", 20.0, "`reset_seconds`"),),
        sender="server",
        senders=_SERVER,
    ),
    FaultKind(
        name="duplicate",
        layer="message",
        timing="each",
        doc="The message comes twice.",
        imitates="a proxy that sends again",
        sender="server",
    ),
    FaultKind(
        name="reorder",
        layer="message",
        timing="each",
        doc="The message comes behind later ones.",
        imitates="servers whose parts race",
        fields=(
            FaultField("by", 1, "how many later messages come first", least=1, most=1000),
            FaultField("ms", 500.0, "milliseconds after which it comes all the same", least=1, most=_MINUTE_MS),
        ),
        sender="server",
    ),
    FaultKind(
        name="drop",
        layer="message",
        timing="each",
        doc="The message is lost.",
        imitates="gateways that lose events under load",
        sender="server",
    ),
    FaultKind(
        name="truncate",
        layer="message",
        timing="each",
        doc="The message is cut off.",
        imitates="proxies with a limit of their own",
        fields=(FaultField("keep", 0.5, "the share that is left", most=1),),
        sender="server",
    ),
    FaultKind(
        name="bad_base64",
        layer="message",
        timing="each",
        doc="The audio in the message is no base64. Only messages with audio count.",
        imitates="encoders that cut bytes apart",
        sender="server",
    ),
    FaultKind(
        name="not_json",
        layer="message",
        timing="each",
        doc="In place of the message comes an HTML page.",
        imitates="gateways that answer with a page",
        sender="server",
    ),
    FaultKind(
        name="unknown",
        layer="message",
        timing="once",
        doc="An event of an unknown type comes.",
        imitates="a newer server",
        fields=(FaultField("type", "response.hologram.delta", "its type"),),
        sender="server",
    ),
    FaultKind(
        name="new_field",
        layer="message",
        timing="each",
        doc="The message, and each object right inside it, has a field more.",
        imitates="a newer server",
        fields=(FaultField("name", "of_a_newer_server", "the field's name"),),
        sender="server",
    ),
    FaultKind(
        name="new_enum",
        layer="message",
        timing="each",
        doc="A field of the message has an unknown value. Only messages with that field count.",
        imitates="a newer server",
        fields=(FaultField("field", "status", "the field, wherever it stands"),),
        sender="server",
    ),
    FaultKind(
        name="oversize",
        layer="message",
        timing="once",
        doc="A message comes that is larger than the other side takes.",
        imitates="items with images and long tool outputs",
        fields=(FaultField("MB", 20.0, "millions of bytes", least=0.01, most=_MAX_MB),),
        sender="server",
    ),
    FaultKind(
        name="binary",
        layer="message",
        timing="each",
        doc="The message comes as a binary one.",
        imitates="gateways that send bytes",
        sender="server",
    ),
    FaultKind(
        name="second_response",
        layer="message",
        timing="once",
        doc="The server gets a `response.create` that the client did not send, while a response runs.",
        imitates="two parts of a program that both ask",
        sender="client",
        senders=_CLIENT,
        on="response.created",
    ),
    # --- the client
    FaultKind(
        name="lag_clock",
        layer="client",
        timing="lasting",
        doc="Again and again everything stands still, both ways, and then comes at once.",
        imitates="an event loop that is blocked",
        fields=(
            FaultField("ms", 500.0, "milliseconds of each standstill", most=_MINUTE_MS),
            FaultField("every", 5.0, "seconds from one to the next", least=0.01),
        ),
        senders=(),
        times=None,
    ),
    FaultKind(
        name="mic_gap",
        layer="client",
        timing="lasting",
        doc="The client's audio is lost for a time.",
        imitates="a handover between networks, a headset that reconnects",
        fields=(FaultField("s", 2.0, "seconds", least=0.001),),
        sender="client",
        senders=_CLIENT,
    ),
    FaultKind(
        name="mic_burst",
        layer="client",
        timing="lasting",
        doc="The client's audio is held back for a time, and then comes at once.",
        imitates="a blocked capture thread",
        fields=(FaultField("s", 2.0, "seconds", least=0.001, most=60),),  # what is held is in memory
        sender="client",
        senders=_CLIENT,
    ),
)

KINDS: Final[Mapping[str, FaultKind]] = {kind.name: kind for kind in _TABLE}
"""Every fault by its name, in the order of the docs."""
