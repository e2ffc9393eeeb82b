"""Paced duplex calls by the hundred, against anyone's Realtime or Live server, with the generator's own lateness told.

target = await find_target(Endpoint(url="ws://127.0.0.1:8000"), "realtime")
result = await run_level(WorkOrder(target=target, plan=LevelPlan(calls=50, hold_s=20)))
result.report.first_audio, result.report.not_measured
"""

from __future__ import annotations

from duologue.load.crew import LevelPlan
from duologue.load.plan import CallerHabits
from duologue.load.report import DELAYS, DelayFigures, LevelReport
from duologue.load.run import LevelResult, run_level
from duologue.load.search import LevelSearch
from duologue.load.target import LoadFamily, LoadTarget, find_target, is_own_network
from duologue.load.work import KeptCall, WorkOrder

__all__ = [
    "DELAYS",
    "CallerHabits",
    "DelayFigures",
    "KeptCall",
    "LevelPlan",
    "LevelReport",
    "LevelResult",
    "LevelSearch",
    "LoadFamily",
    "LoadTarget",
    "WorkOrder",
    "find_target",
    "is_own_network",
    "run_level",
]
