"""How many frames take the fast path: of files that are named, recordings or JSON lines, or of those that are here.

    python bench/fast_path.py [--json] [FILE...]

Those here, in tests/dialects/frames, are made after what the service sends; name recordings to see what yours does.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._rounds import report
from duologue.cli.frame_files import read_frames
from duologue.codec import decode, known

MADE_UP = Path(__file__).parent.parent / "tests" / "dialects" / "frames" / "openai.jsonl"


def is_fast(text: str | bytes) -> bool:
    """Whether the decoder of all known events takes the frame as it is."""
    try:
        known.decode(text)
    except known.SURPRISES:
        return False
    return True


def main() -> None:
    """Count, and print."""
    files = [Path(word) for word in sys.argv[1:] if not word.startswith("-")] or [MADE_UP]
    frames = [line.text for file in files for line in read_frames(file) if not line.problem]
    slow = Counter(decode(text).type or "(no type)" for text in frames if not is_fast(text))
    fast = len(frames) - slow.total()
    report(
        {"frames": len(frames), "fast": fast, "fast_percent": round(100 * fast / max(len(frames), 1), 2)},
        "\n".join(
            [
                f"{fast} of {len(frames)} frames take the fast path, {100 * fast / max(len(frames), 1):.1f} %",
                *(f"{times:8}  {name}" for name, times in slow.most_common()),
            ]
        ),
    )


if __name__ == "__main__":
    main()
