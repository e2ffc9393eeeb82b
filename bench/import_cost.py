"""Time and memory of importing events with codec, and the client, against the official SDK, in fresh interpreters."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._rounds import report

ROUNDS = 7

PROBE = """
import json, sys, time
def resident_mb():
    try:
        with open("/proc/self/statm", encoding="ascii") as status:
            return int(status.read().split()[1]) * 4096 / 2**20
    except OSError:  # not Linux: the peak is the next best
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
before = resident_mb()
begin = time.perf_counter()
__import__(sys.argv[1])
print(json.dumps([(time.perf_counter() - begin) * 1000, resident_mb() - before, resident_mb()]))
"""


def cost(module: str) -> tuple[float, float, float]:
    """Milliseconds, megabytes added, and megabytes in all of one import."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, module], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    milliseconds, added, total = json.loads(done.stdout)
    return milliseconds, added, total


def main() -> None:
    """Measure in turns, and print."""
    modules = ("duologue.codec", "duologue.client", "openai")  # `import duologue` alone imports nothing
    for module in modules:
        cost(module)  # writes the bytecode, which a user's second start has too
    rounds: dict[str, list[tuple[float, float, float]]] = {module: [] for module in modules}
    for _ in range(ROUNDS):
        for module in modules:
            rounds[module].append(cost(module))
    medians = {
        module: [statistics.median(values) for values in zip(*costs, strict=True)] for module, costs in rounds.items()
    }
    ours, client, sdk = (medians[module] for module in modules)
    figures = {
        "import_ms": round(ours[0], 1),
        "import_added_mb": round(ours[1], 1),
        "import_total_mb": round(ours[2], 1),
        "import_client_ms": round(client[0], 1),
        "import_sdk_ms": round(sdk[0], 1),
        "import_sdk_added_mb": round(sdk[1], 1),
        "import_of_sdk": round(ours[0] / sdk[0], 3),
    }
    lines = [f"{'import':18}{'ms':>8}{'added MB':>10}{'total MB':>10}"]
    lines += [f"{module:18}{values[0]:8.0f}{values[1]:10.1f}{values[2]:10.1f}" for module, values in medians.items()]
    report(figures, "\n".join(lines))


if __name__ == "__main__":
    main()
