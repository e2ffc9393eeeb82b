"""Figures of each caller that has a name or a key. Addresses have none: there may be any number of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from duologue.events import ResponseDoneEvent
from duologue.server.telemetry.observer import NullSessionObserver, ObservedEvent

if TYPE_CHECKING:
    from prometheus_client import Metric

__all__ = ["OWNER_METRICS", "OwnerFigures", "OwnerObserver"]

OWNER_METRICS: Final[dict[str, tuple[str, tuple[str, ...], str]]] = {
    "duologue_owner_sessions_open": ("owner gauge", ("owner",), "Sessions of each caller that are open."),
    "duologue_owner_sessions": ("owner counter", ("owner",), "Sessions that each caller has opened."),
    "duologue_owner_turned_away": ("owner counter", ("owner",), "Sessions that each caller was refused."),
    "duologue_owner_responses": ("owner counter", ("owner",), "Responses that ended, of each caller."),
    "duologue_owner_audio_in_seconds": ("owner counter", ("owner",), "Audio that each caller sent."),
    "duologue_owner_audio_out_seconds": ("owner counter", ("owner",), "Speech that was made for each caller."),
}

_MAX_OWNERS: Final = 1_000
"""Each makes six lines of every scrape. Those beyond are counted together."""

_OTHERS: Final = "(others)"
_WITHOUT_NAME: Final = "address "


class _Figures:
    __slots__ = ("audio_in_seconds", "audio_out_seconds", "responses", "sessions", "sessions_open", "turned_away")

    def __init__(self) -> None:
        self.sessions_open: int = 0
        self.sessions: int = 0
        self.turned_away: int = 0
        self.responses: int = 0
        self.audio_in_seconds: float = 0.0
        self.audio_out_seconds: float = 0.0


class OwnerFigures:
    """Of all callers; a collector of prometheus-client."""

    def __init__(self) -> None:
        self._by_owner: dict[str, _Figures] = {}

    def of(self, owner: str) -> OwnerObserver | None:
        """What counts the sessions of this caller; None for an address."""
        if owner.startswith(_WITHOUT_NAME):
            return None
        if owner not in self._by_owner and len(self._by_owner) >= _MAX_OWNERS:
            owner = _OTHERS
        return OwnerObserver(self._by_owner.setdefault(owner, _Figures()))

    def collect(self) -> Iterable[Metric]:
        """All figures."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for name, (kind, labels, meaning) in OWNER_METRICS.items():
            family = GaugeMetricFamily if kind == "owner gauge" else CounterMetricFamily
            metric = family(name, meaning, labels=labels)
            for owner, figures in self._by_owner.items():
                metric.add_metric([owner], getattr(figures, name.removeprefix("duologue_owner_")))
            yield metric


class OwnerObserver:
    """Counts the sessions of one caller."""

    def __init__(self, figures: _Figures) -> None:
        self._figures = figures

    def opened(self, session_id: str, *, kind: str) -> _Session:
        """Counts a session."""
        self._figures.sessions_open += 1
        self._figures.sessions += 1
        return _Session(self._figures)

    def turned_away(self, reason: str) -> None:
        """Counts a refusal."""
        self._figures.turned_away += 1


class _Session(NullSessionObserver):
    __slots__ = ("_figures", "_input_ms")

    def __init__(self, figures: _Figures) -> None:
        self._figures = figures
        self._input_ms = 0

    def received(self, n_bytes: int, input_ms: int) -> None:
        """Counts audio. `input_ms` starts again at 0 with a new input format."""
        if input_ms != self._input_ms:
            self._figures.audio_in_seconds += max(0, input_ms - self._input_ms) / 1000
            self._input_ms = input_ms

    def sent(self, event: ObservedEvent, n_bytes: int) -> None:
        """Counts responses."""
        if type(event) is ResponseDoneEvent:
            self._figures.responses += 1

    def spoke(self, audio_s: float) -> None:
        """Counts speech."""
        self._figures.audio_out_seconds += audio_s

    def closed(self, code: int) -> None:
        """The session is over."""
        self._figures.sessions_open -= 1
