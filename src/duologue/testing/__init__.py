"""Tests of programs that use duologue: both ends of a session in memory, scripted engines, and contract checks.

pair = Pair()                                   one session, without a socket, a task or a clock
play(pair, [ResponseCreateEvent(), ...])        a conversation and its expected events, step by step
RealtimeApp(engines=scripted_app_engines())     a server whose engines are scripted
ScriptedServer([Send(GREETING), Drop()])        a server that plays a script, over a socket or in memory
await check_transport(make_pair)                check the contract of your own transport
await check_transcriber(transcriber, speech=…)  … of your own engine; each kind of engine has a check
cassette_server("call.jsonl")                   a recorded call, played as a server; see duologue.testing.cassettes
run_in_virtual_time(main())                     server and client on one loop, an hour in half a minute
assert_turn(read_call("call.jsonl"), 1, …)      assertions about a recorded call; see duologue.testing.assertions
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from duologue.engines.checks import (
        check_denoiser,
        check_detector,
        check_end_of_turn,
        check_responder,
        check_synthesizer,
        check_transcriber,
        check_translator,
    )
    from duologue.testing.assertions import (
        assert_heard,
        assert_latency,
        assert_no_errors,
        assert_order,
        assert_tool,
        assert_turn,
        read_call,
    )
    from duologue.testing.call_text import normalised
    from duologue.testing.cassettes import cassette_server
    from duologue.testing.engines import scripted_app_engines, scripted_engines
    from duologue.testing.pair import CountedIds, Pair
    from duologue.testing.playbook import Step, play
    from duologue.testing.scripted_server import (
        GREETING,
        LIVE_CLOSED,
        LIVE_STARTED,
        Close,
        Drop,
        Expect,
        ScriptedServer,
        ScriptStep,
        Send,
        Stall,
        Until,
    )
    from duologue.testing.transports import TransportPair, check_transport
    from duologue.testing.virtual_time import VirtualTimeLoop, run_in_virtual_time, running_clock

__all__ = [
    "GREETING",
    "LIVE_CLOSED",
    "LIVE_STARTED",
    "Close",
    "CountedIds",
    "Drop",
    "Expect",
    "Pair",
    "ScriptStep",
    "ScriptedServer",
    "Send",
    "Stall",
    "Step",
    "TransportPair",
    "Until",
    "VirtualTimeLoop",
    "assert_heard",
    "assert_latency",
    "assert_no_errors",
    "assert_order",
    "assert_tool",
    "assert_turn",
    "cassette_server",
    "check_denoiser",
    "check_detector",
    "check_end_of_turn",
    "check_responder",
    "check_synthesizer",
    "check_transcriber",
    "check_translator",
    "check_transport",
    "normalised",
    "play",
    "read_call",
    "run_in_virtual_time",
    "running_clock",
    "scripted_app_engines",
    "scripted_engines",
]

_NAMES_OF: Final = {
    "duologue.engines.checks": (
        "check_denoiser check_detector check_end_of_turn check_responder check_synthesizer check_transcriber"
        " check_translator"
    ),
    "duologue.testing.assertions": (
        "assert_heard assert_latency assert_no_errors assert_order assert_tool assert_turn read_call"
    ),
    "duologue.testing.call_text": "normalised",
    "duologue.testing.cassettes": "cassette_server",
    "duologue.testing.engines": "scripted_app_engines scripted_engines",
    "duologue.testing.pair": "CountedIds Pair",
    "duologue.testing.playbook": "Step play",
    "duologue.testing.scripted_server": (
        "GREETING LIVE_CLOSED LIVE_STARTED Close Drop Expect ScriptedServer ScriptStep Send Stall Until"
    ),
    "duologue.testing.transports": "TransportPair check_transport",
    "duologue.testing.virtual_time": "VirtualTimeLoop run_in_virtual_time running_clock",
}
"""Modules, and the names imported from each at their first use: pytest imports the plugin, which lives in this package,
in each run of a project that has duologue installed, and these modules cost a fifth of a second."""

_LAZY: Final = {name: module for module, names in _NAMES_OF.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'duologue.testing' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LAZY[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
