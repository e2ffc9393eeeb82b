"""Every fault, and what comes of it: a promised exception, an event or another connection, and never a hang."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from duologue.faults import KINDS, parse_fault
from tests.faults._outcomes import asked_twice, heard_by_neighbour, opening_live, serving, talked, told_live

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("idle_clock")]

ANSWERED = ("completed", "completed")
RECONNECTED = ("restored", "rejected", "completed")
SILENT = ("rejected", "rejected")

CONVERSE: dict[str, tuple[str, ...]] = {
    "latency ms=150 jitter=50": ANSWERED,
    "bandwidth kBps=16": ANSWERED,
    "reset on=response.created": RECONNECTED,
    "cut on=response.created": RECONNECTED,
    # Pings are the transport's, and memory has none: tests/faults/test_proxy.py.
    "half_open on=response.created": SILENT,
    "half_open on=response.create": SILENT,
    "slow_reader on=response.created": ("completed", "rejected"),
    "slow_reader on=response.created s=5": ANSWERED,
    "refuse http=401": ("AuthenticationFailed 401",),
    "refuse http=403": ("ConnectFailed 403",),
    "refuse http=429": ("ConnectFailed 429",),
    "refuse http=503": ("ConnectFailed 503",),
    "redirect": ("ConnectFailed",),
    "handshake_delay s=5": ANSWERED,
    "close code=1000 on=response.created": ("closed 1000", "closed 1000"),
    "close code=1001 on=response.created": RECONNECTED,
    "close code=1008 on=response.created": RECONNECTED,
    "close code=1009 on=response.created": ("closed 1009", "closed 1009"),
    "close code=1011 on=response.created": RECONNECTED,
    "close code=1012 on=response.created": RECONNECTED,
    "close code=1013 on=response.created": RECONNECTED,
    "close code=4000 on=response.created": ("closed 4000", "closed 4000"),
    "expire on=response.created": RECONNECTED,
    "stall on=response.created": SILENT,
    "stall on=response.create": SILENT,
    "stall on=response.created s=5": ANSWERED,
    "error on=response.created": ANSWERED,
    "error on=response.create": ANSWERED,
    "error code=insufficient_quota on=response.create": ("rejected", "completed"),
    "error code=invalid_api_key on=response.created": ANSWERED,
    "rate_limit on=response.create": ANSWERED,
    "duplicate times=all": ANSWERED,
    "reorder on=response.created by=2": ANSWERED,
    "reorder on=response.done": ANSWERED,
    "reorder p=0.3": ANSWERED,
    "drop on=response.created": ANSWERED,
    "drop on=response.done": ("unknown", "completed"),
    "drop on=session.created": ANSWERED,
    "drop on=response.create": ("rejected", "completed"),
    "truncate on=response.done": ("unknown", "completed"),
    "truncate on=response.created": ANSWERED,
    "truncate on=response.output_audio.delta times=all": ANSWERED,
    "bad_base64 times=all": ANSWERED,
    "not_json on=response.done": ("unknown", "completed"),
    "unknown on=response.created": ANSWERED,
    "new_field times=all": ANSWERED,
    "new_enum times=all": ("of_a_newer_server", "of_a_newer_server"),
    "new_enum field=type times=all": SILENT,
    "oversize MB=2 on=response.created": ANSWERED,
    "binary times=all": ANSWERED,
    "second_response": ANSWERED,
    "lag_clock ms=500 every=1": ANSWERED,
    # A question in text has no audio to lose.
    "mic_gap": ANSWERED,
    "mic_burst": ANSWERED,
}
"""What comes of a fault in a conversation that asks twice."""

LIVE: dict[str, str] = {
    "latency ms=150 jitter=50": "done",
    "bandwidth kBps=16": "done",
    "reset after=1s": "lost 1006",
    "cut after=1s": "lost 1006",
    "half_open after=1s": "not answered, not finalised",
    "slow_reader after=1s": "not answered, not finalised",
    "refuse http=401": "AuthenticationFailed 401",
    "refuse http=429": "ConnectFailed 429",
    "redirect": "ConnectFailed",
    "handshake_delay s=5": "done",
    "close code=1001 after=1s": "lost 1001",
    "close code=1011 after=1s": "lost 1011",
    "close code=4000 after=1s": "lost 4000",
    "expire after=1s": "closed 1000",
    "stall after=1s": "not answered, not finalised",
    "stall on=session.start": "ConnectFailed",
    "stall after=1s s=2": "done",
    "error after=1s": "done",
    "error on=session.start": "ConnectFailed",
    "error on=session.input_audio.mute": "rejected",
    "rate_limit after=1s": "done",
    "duplicate times=all": "done",
    "reorder on=session.output_audio.delta times=all": "done",
    "reorder on=session.started": "done",
    "drop on=session.started": "ConnectFailed",
    "drop on=session.start": "ConnectFailed",
    "drop on=session.closed": "done, not finalised",
    "drop on=session.output_audio.delta times=all": "done",
    "truncate on=session.started": "ConnectFailed",
    "truncate on=session.output_audio.delta times=all": "done",
    "truncate on=session.closed": "done, not finalised",
    "bad_base64 times=all": "done",
    "not_json after=1s": "done",
    "unknown after=1s": "done",
    "new_field times=all": "done",
    "new_enum times=all": "done",
    "oversize MB=2 after=1s": "done",
    "binary times=all": "done",
    "second_response after=1s": "done",
    "lag_clock ms=500 every=1": "done",
    "mic_gap after=1s s=1": "done",
    "mic_burst after=1s s=1": "done",
    # What the client sends, on its way to our server.
    "duplicate from=client times=all after=1s": "done",
    "reorder from=client p=0.5 after=1s": "done",
    "drop on=session.input_audio.append p=0.3": "done",
    "drop on=session.input_audio.mute": "not answered",
    "truncate from=client after=1s": "done",
    "bad_base64 from=client after=1s": "done",
    "not_json from=client after=1s": "done",
    "unknown from=client after=1s": "done",
    "new_field from=client after=1s": "done",
    "new_enum field=type from=client after=1s": "done",
    "binary from=client after=1s": "done",
    "stall from=client after=1s": "not answered, not finalised",
    "close from=client code=1011 after=1s": "lost 1011",
    "oversize MB=24 from=client after=1s": "done",
}
"""What comes of a fault in a Live session."""

SERVER: dict[str, tuple[str, ...]] = {
    "latency ms=150 jitter=50": ("answered",),
    "bandwidth kBps=64": ("answered",),
    "reset on=response.created": ("closed 1006",),
    "cut on=response.created": ("closed 1006",),
    "half_open on=response.created": ("silence",),
    "half_open after=2msgs": ("silence",),
    "slow_reader after=2msgs": ("answered",),
    "slow_reader from=server after=2msgs": ("silence",),
    "close from=client code=1001 on=response.created": ("closed 1001",),
    "close from=client code=1011 on=response.created": ("closed 1011",),
    "close from=client code=4000 on=input_audio_buffer.append": ("closed 4000",),
    "stall from=client after=2msgs": ("answered",),
    "duplicate from=client times=all": ("answered",),
    "reorder from=client p=0.5": ("answered",),
    "drop from=client p=0.5": ("answered",),
    "truncate from=client": ("invalid_json", "answered"),
    "bad_base64 from=client": ("invalid_value", "answered"),
    "not_json from=client": ("invalid_json", "answered"),
    "unknown from=client after=2msgs": ("invalid_value", "answered"),
    "new_field from=client": ("unknown_parameter", "answered"),
    "new_enum from=client field=type": ("invalid_value", "answered"),
    "oversize MB=2 from=client after=2msgs": ("answered",),
    "oversize MB=24 from=client after=2msgs": ("invalid_value", "answered"),
    "binary from=client": ("invalid_event", "answered"),
    "second_response": ("conversation_already_has_active_response", "answered"),
    "lag_clock ms=500 every=1": ("answered",),
    "mic_gap after=2msgs s=1": ("answered",),
    "mic_burst s=1": ("answered",),
}
"""What comes of a fault that a client's messages have on their way to our server."""

_SERVERS_OWN = {"refuse", "redirect", "handshake_delay", "expire", "error", "rate_limit"}
"""Faults of a server: none can come to ours."""


def _named(faults: Iterable[str]) -> set[str]:
    return {parse_fault(fault).name for fault in faults}


def test_every_fault_that_messages_can_tell_is_in_the_tables() -> None:
    told = {name for name, kind in KINDS.items() if not kind.needs_bytes}  # the others: tests/faults/test_proxy.py
    assert _named(CONVERSE) == told
    assert _named(LIVE) == told
    assert _named(SERVER) == told - _SERVERS_OWN


@pytest.mark.parametrize("fault", CONVERSE)
async def test_a_conversation_answers_raises_what_it_promises_or_reconnects(fault: str) -> None:
    async with serving(fault) as memory:
        assert await asked_twice(open_connection=memory.connect) == CONVERSE[fault]


@pytest.mark.parametrize("fault", LIVE)
async def test_a_live_session_goes_on_or_raises_what_it_promises(fault: str) -> None:
    async with serving(fault) as memory:
        assert await told_live(open_connection=opening_live(memory)) == LIVE[fault]


@pytest.mark.parametrize("fault", SERVER)
async def test_the_server_answers_or_ends_the_session_and_no_neighbour_notices(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(f"{fault} connection=3") as memory:
        undisturbed = await heard_by_neighbour(memory)
        faulty = asyncio.ensure_future(talked(memory))
        neighbour = await heard_by_neighbour(memory)
        assert await faulty == SERVER[fault]
        assert neighbour == undisturbed
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
