"""The attackers of `abuse.py`, in a process of their own: so that their work does not delay the neighbour.

Each line on standard input orders an attack, as JSON; the answer is a line with its outcome.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._abuse_rows import AT_ONCE, ROWS
from bench._abuse_wire import GONE, Target

_LONGEST_S: Final = 20.0
"""To make the messages, in addition to the time of the attack."""


async def attack(order: dict[str, Any]) -> dict[str, Any]:
    """Run one attack until it ends, its time is over, or the server cuts it off."""
    row = next(row for row in (*ROWS, *AT_ONCE) if row.name == order["row"])
    target = Target(order["port"], order["key"], order["peer"], order["seconds"], order["share"])
    hard = time.monotonic() + order["seconds"] + _LONGEST_S
    attacking = asyncio.ensure_future(row.attack(target))
    while time.monotonic() < min(hard, target.until + 0.2):
        done, _ = await asyncio.wait({attacking}, timeout=0.1)
        if done:
            break
    attacking.cancel()
    await asyncio.wait({attacking}, timeout=5)
    target.leave()
    result: dict[str, Any] = {"outcome": target.outcome, "faults": target.faults, "crash": ""}
    if attacking.done() and not attacking.cancelled() and (fault := attacking.exception()) is not None:
        if isinstance(fault, GONE):
            target.outcome["cut off"] += 1
        else:
            result["crash"] = "".join(traceback.format_exception(fault))
    await asyncio.sleep(0.05)  # for the system to send the closes
    return result


def main() -> None:
    """Attack as ordered until standard input ends."""
    os.nice(10)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for line in sys.stdin:
        result = asyncio.run(attack(json.loads(line)))
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
