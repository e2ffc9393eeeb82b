"""The page of an hour's call: how long does it take to build, how much memory, and how large is it?

Writes a recording of `--minutes` (60) into a temporary folder, and builds its page in a process of its own, once with
each choice of audio. `--keep DIR` keeps recording and pages.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._recorded import write_call
from bench._rounds import report

_CHOICES: Final = ("none", "speech", "all")


def main() -> None:
    """Measure, and print."""
    minutes = float(_option("--minutes", "60"))
    kept = _option("--keep", "")
    with tempfile.TemporaryDirectory() as folder:
        where = Path(kept or folder)
        where.mkdir(parents=True, exist_ok=True)
        recording = where / "call.jsonl"
        figures: dict[str, float] = {"minutes": minutes, "lines": write_call(recording, minutes)}
        figures["recording_mb"] = recording.stat().st_size / 1e6
        for choice in _CHOICES:
            page = where / f"call-{choice}.html"
            wall_s, cpu_s, peak_mb = _built(recording, page, choice)
            figures |= {
                f"{choice}_page_mb": page.stat().st_size / 1e6,
                f"{choice}_build_s": wall_s,
                f"{choice}_cpu_s": cpu_s,
                f"{choice}_peak_rss_mb": peak_mb,
            }
    rounded = {name: round(value, 2) for name, value in figures.items()}
    report(rounded, "\n".join(f"{name:24} {value}" for name, value in rounded.items()))


def _built(recording: Path, page: Path, choice: str) -> tuple[float, float, float]:
    """Seconds, seconds of a core, and the peak of memory in MB."""
    command = [
        sys.executable,
        "-m",
        "duologue",
        "inspect",
        str(recording),
        "--out",
        str(page),
        "--force",
        f"--audio={choice}",
    ]
    began_s = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)} has failed")
    return time.perf_counter() - began_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _option(name: str, otherwise: str) -> str:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else otherwise


if __name__ == "__main__":
    main()
