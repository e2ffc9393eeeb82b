"""The share of one process in a level: a plain value in, a plain value out, so that it can be done elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile

from msgspec import Struct

from duologue.load.crew import Crew, LevelPlan
from duologue.load.samples import LevelSamples
from duologue.load.tape import LevelTape
from duologue.load.target import LoadTarget
from duologue.load.voice import CallerVoice, builtin_clips, clips_in

__all__ = ["KeptCall", "WorkOrder", "WorkResult", "work_off"]


class WorkOrder(Struct, frozen=True, kw_only=True):
    """What a process is to do. It holds the key."""

    target: LoadTarget
    plan: LevelPlan
    frame_ms: int = 20
    clips: str | None = None
    """A folder of WAV files; None: the speech that comes with the package."""
    kept_in: str | None = None
    """A folder for recordings of calls; None: none are kept."""
    taped: int = 0
    """How many calls are taped, of which those with the longest waits are kept."""
    kept: int = 3

    def __repr__(self) -> str:
        return f"WorkOrder({self.target!r}, plan={self.plan!r})"


class KeptCall(Struct, frozen=True, kw_only=True):
    """A call that was recorded."""

    path: str
    worst_ms: float | None
    """Its longest wait for an answer; None: an answer did not come."""


class WorkResult(Struct, frozen=True, kw_only=True):
    """What came of it."""

    samples: LevelSamples
    calls: list[KeptCall]
    """The worst first."""


async def work_off(order: WorkOrder, all_up: Callable[[], Awaitable[None]] | None = None) -> WorkResult:
    """Hold the calls. `all_up` is awaited when they are up, before they are measured. Cancelling drops them.

    Raises:
        AudioError: the clips cannot be used.
        OSError, RecordingError: what is to be kept cannot be written.
    """
    target = order.target
    clips = builtin_clips() if order.clips is None else clips_in(Path(order.clips))
    voice = CallerVoice.of(clips, target.encoding, frame_ms=order.frame_ms, append=target.append)
    with ExitStack() as stack:
        tape: LevelTape | None = None
        if order.kept_in is not None:
            file = stack.enter_context(TemporaryFile(dir=order.kept_in))
            tape = LevelTape(file, most=order.taped, url=target.url, model=target.model, family=target.family)
        crew = Crew(target, voice, order.plan, tape=tape)
        samples = await crew.run(all_up)
        calls: list[KeptCall] = []
        if tape is not None and order.kept_in is not None:
            known = [(wait, number) for number, wait in crew.waits.items() if number < order.taped]
            for wait, number in sorted(known, key=lambda each: (-each[0], each[1]))[: order.kept]:
                path = Path(order.kept_in) / f"call-{order.plan.process + 1}-{number + 1}.jsonl"
                tape.record(number, path)
                calls.append(KeptCall(path=str(path), worst_ms=None if wait == float("inf") else round(wait, 1)))
    return WorkResult(samples=samples, calls=calls)
