"""Faults on purpose, for any Realtime client or server: one vocabulary, a seed, and what came is told.

FaultyTransport(transport, "drop on=response.done", seed=7)      a transport that breaks what passes
ScriptedServer([...], faults="close code=1011")                  see duologue.testing
duologue chaos --to wss://… --fault "half_open after=2s"         a proxy, for any program
"""

from __future__ import annotations

from duologue.faults.connection import ConnectionFaults
from duologue.faults.grammar import faults_from_toml, parse_fault, parse_faults
from duologue.faults.plan import FaultPlan, FiredFault
from duologue.faults.planned import After, PlannedFault
from duologue.faults.transport import FaultyTransport
from duologue.faults.vocabulary import KINDS, FaultField, FaultKind

__all__ = [
    "KINDS",
    "After",
    "ConnectionFaults",
    "FaultField",
    "FaultKind",
    "FaultPlan",
    "FaultyTransport",
    "FiredFault",
    "PlannedFault",
    "faults_from_toml",
    "parse_fault",
    "parse_faults",
]
