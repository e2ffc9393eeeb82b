"""Shows how a server is doing: as lines for people, or as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from duologue.cli.status.histogram import CountedDelays
from duologue.cli.status.server_status import CallStatus, MemoryStatus, ServerStatus
from duologue.printable import printable, printable_name

__all__ = ["status_json", "status_lines"]

_NONE: Final = "–"
_LABEL_WIDTH: Final = 12
_NUMBER_WIDTH: Final = 6

_MAX_OWNERS: Final = 10
"""Rows of callers; a server may have a thousand."""

_MAX_NAMED: Final = 6
"""Kinds in one line; the rest is counted together."""

_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "ok": ("ready", "green"),
    "loading": ("loading its engines", "yellow"),
    "draining": ("draining: it takes no more sessions", "yellow"),
    "engines": ("not ready: engines cannot be reached", "bold red"),
    "unknown": ("it does not say whether it is ready", "yellow"),
}

_STAGES: Final = ("transcript", "text", "audio")
_ENGINES: Final = ("transcribe", "respond", "translate", "synthesize", "mcp")


def status_json(status: ServerStatus) -> dict[str, Any]:
    """All of it as JSON-ready data."""
    return {"ready": status.is_ready, **msgspec.to_builtins(status)}


def status_lines(status: ServerStatus, *, recent: bool) -> RenderableType:
    """All of it on a screen; `recent`: delays of the time between the looks, in place of all since the start."""
    when = f"last {_span(status.over_s)}" if recent else "since the start"
    latency = status.latency_recent if recent else status.latency
    parts: list[RenderableType] = [_heading(status), _counts(status)]
    if status.latency:
        rows = [[stage, *_delay_cells(latency[stage])] for stage in _in_order(latency, _STAGES)]
        parts.append(_table(("until", "count", "p50", "p95", "p99"), rows, title=f"after a turn, ms ({when})"))
    if status.engines:
        rows = [_engine_cells(status, stage, recent=recent) for stage in _in_order(status.engines, _ENGINES)]
        columns = ("engine", "count", "p50", "p95", "p99", "running", "failed")
        parts.append(_table(columns, rows, title=f"calls of engines, ms ({when})"))
    if status.owners:
        rows = [
            [printable_name(owner), str(each.open), str(each.opened), str(each.responses), str(each.turned_away)]
            for owner, each in list(status.owners.items())[:_MAX_OWNERS]
        ]
        more = len(status.owners) - len(rows)
        title = "callers" + (f", and {more} more" if more > 0 else "")
        parts.append(_table(("caller", "open", "opened", "responses", "turned away"), rows, title=title))
    return Group(*parts)


def _heading(status: ServerStatus) -> Text:
    words, style = _STATES.get(status.state, (f"it says: {printable(status.state)}", "yellow"))
    text = Text.assemble((printable(status.url), "bold"), "  ", (words, style))
    if status.engines_down:
        text.append(f" ({', '.join(map(printable, status.engines_down))})", style)
    if not status.is_alive:
        text.append(" · /healthz does not answer ok", "bold red")
    if status.counting_s is not None:
        text.append(f" · up {_span(status.counting_s)}", "dim")
    if status.workers_ready is not None:
        text.append(f" · {_number(status.workers_ready, 'worker')}", "dim" if status.workers_ready else "bold red")
    if status.worker_restarts:
        text.append(f" · {_number(status.worker_restarts, 'restart')} of workers", "yellow")
    return text


def _counts(status: ServerStatus) -> Table:
    """A line for each thing that is counted. All of it as `Text`: names of callers and codes may hold rich's markup."""
    sessions, rates, memory, calls = status.sessions, status.rates, status.memory, status.calls
    opened = f"{sessions.open} open · {_named(sessions.opened)} opened · {_rate(rates, 'sessions')}"
    away = f"{_named(sessions.turned_away)} · {_rate(rates, 'turned_away')}"
    errors = f"{_named(status.errors)} · {_rate(rates, 'errors')}"
    rows = {
        "sessions": Text(opened),
        "ended": Text(_named(sessions.closed)),
        "turned away": Text(away, _alarming(rates["turned_away"])),
        "responses": Text(f"{_named(status.responses)} · {_rate(rates, 'responses')}"),
        "errors": Text(errors, _alarming(rates["errors"])),
        "in": _traffic(rates["received_bytes"], rates["audio_in_seconds"]),
        "out": _traffic(rates["sent_bytes"], rates["audio_out_seconds"]),
        "memory": _memory(memory),
    }
    if calls.connected or calls.never_connected:
        rows["webrtc"] = _calls(calls)
    if status.illegal_transitions:
        faults = f"{_number(status.illegal_transitions, 'transition')} that the protocol does not have: to be reported"
        rows["faults"] = Text(faults, "bold red")
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for label, text in rows.items():
        # Not by `min_width`, which counts the padding twice before rich 14.3.
        table.add_row(Text(label.ljust(_LABEL_WIDTH)), text)
    return table


def _traffic(bytes_per_s: float, audio_s_per_s: float) -> Text:
    return Text(f"{_size(bytes_per_s)}/s · {audio_s_per_s:.1f} s of sound a second")


def _memory(memory: MemoryStatus) -> Text:
    held = {kind: n_bytes for kind, n_bytes in memory.held_bytes.items() if n_bytes}
    kinds = ", ".join(f"{printable_name(kind)} {_size(n_bytes)}" for kind, n_bytes in list(held.items())[:_MAX_NAMED])
    text = Text(f"{_size(sum(held.values()))} held by sessions" + (f" ({kinds})" if kinds else ""))
    if refused := sum(memory.refused.values()):
        text.append(f" · {refused} refused for want of it", "bold red")
    return text


def _calls(calls: CallStatus) -> Text:
    text = Text(f"{_number(calls.connected, 'call')} ended")
    if calls.never_connected:
        text.append(f" · {calls.never_connected} never connected", "yellow")
    if calls.lost_packets is not None:
        text.append(f" · {calls.lost_packets:.1%} of packets lost · {calls.concealed_s:.1f} s concealed")
    if (p50 := calls.round_trip.p50_ms) is not None:
        text.append(f" · round trip {p50:.0f} ms (p50)")
    return text


def _table(columns: tuple[str, ...], rows: list[list[str]], *, title: str) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
    for place, column in enumerate(columns):
        if place == 0:
            table.add_column(Text(column.ljust(_LABEL_WIDTH)))
        else:
            table.add_column(Text(column.rjust(_NUMBER_WIDTH)), justify="right")
    for row in rows:
        table.add_row(*map(Text, row))
    return Group(Text(f"\n{title}", "bold"), table)


def _engine_cells(status: ServerStatus, stage: str, *, recent: bool) -> list[str]:
    engine = status.engines[stage]
    delays = engine.recent if recent else engine.calls
    return [printable_name(stage), *_delay_cells(delays), str(engine.running), str(engine.failures)]


def _delay_cells(delays: CountedDelays) -> list[str]:
    values = (delays.p50_ms, delays.p95_ms, delays.p99_ms)
    return [str(delays.count), *(_NONE if value is None else f"{value:.0f}" for value in values)]


def _in_order(found: Mapping[str, object], known: tuple[str, ...]) -> list[str]:
    return [*(name for name in known if name in found), *sorted(set(found) - set(known))]


def _named(counts: Mapping[str, int]) -> str:
    """The sum, and what it is made of: 7 (realtime 5, live 2)."""
    shown = [f"{printable_name(name)} {count}" for name, count in list(counts.items())[:_MAX_NAMED] if count]
    others = sum(list(counts.values())[_MAX_NAMED:])
    parts = ", ".join([*shown, *([f"others {others}"] if others else [])])
    return f"{sum(counts.values())} ({parts})" if parts else "0"


def _alarming(rate: float) -> str:
    return "yellow" if rate else ""


def _rate(rates: Mapping[str, float], name: str) -> str:
    return f"{rates[name]:.2g}/s"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _size(n_bytes: float) -> str:
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"


def _span(seconds: float) -> str:
    """Two units of a duration: 3 h 12 min."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
