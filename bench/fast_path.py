"""How many frames take the fast path: of files that are named, recordings or JSON lines, or of those that are here.

    python bench/fast_path.py [--json] [FILE...]

Those here are one frame of every event that the hosted service is documented to have (the examples of the reference
pages), and what tests/dialects/frames holds of each dialect: few frames, chosen for what is awkward in them. A session
is mostly deltas, which a share by types of events does not show: name recordings to see that of yours. They
are read as the hosted service's.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # so that the file runs by itself

from bench._rounds import report
from duologue import catalogue
from duologue.cli.frame_files import read_frames
from duologue.codec import CANONICAL, decode, known
from duologue.codec.fast_path import read_by_name, read_fast
from duologue.codec.jsontext import write_text

HOME = "openai"
FRAMES = Path(__file__).parent.parent / "tests" / "dialects" / "frames"


def is_fast(text: str | bytes, dialect: str) -> bool:
    """Whether the strict decoder takes the frame, as it is or with another name."""
    if dialect != HOME:
        return read_fast(text, dialect) is not None
    try:
        known.decode(text)
    except known.SURPRISES:
        return read_by_name(text, CANONICAL) is not None
    return True


def bodies() -> Iterator[tuple[str, str, list[str | bytes]]]:
    """The name, the dialect and the frames of each source."""
    files = [Path(word) for word in sys.argv[1:] if not word.startswith("-")]
    if files:
        yield from ((str(file), HOME, frames_of(file)) for file in files)
        return
    documented = [entry for entry in catalogue.events() if entry.api == "realtime"]
    yield "documented", HOME, [write_text(catalogue.examples()[entry.key]) for entry in documented]
    yield from ((file.stem, file.stem, frames_of(file)) for file in sorted(FRAMES.glob("*.jsonl")))


def frames_of(file: Path) -> list[str | bytes]:
    """The frames of a file, without its damaged lines."""
    return [line.text for line in read_frames(file) if not line.problem]


def main() -> None:
    """Count, and print."""
    figures: dict[str, float | int | str] = {}
    lines = [f"{'source':24}{'frames':>8}{'fast':>8}{'%':>8}"]
    slow: Counter[tuple[str, str]] = Counter()
    total = all_fast = 0
    for name, dialect, frames in bodies():
        missed = [text for text in frames if not is_fast(text, dialect)]
        slow.update((name, str(decode(text, dialect=dialect).type)) for text in missed)
        fast = len(frames) - len(missed)
        lines.append(f"{name:24}{len(frames):8}{fast:8}{percent(fast, len(frames)):8.1f}")
        if dialect == HOME:
            total, all_fast = total + len(frames), all_fast + fast
        else:
            figures[f"fast_percent_{name}"] = percent(fast, len(frames))
    lines.append(f"{'of the hosted service':24}{total:8}{all_fast:8}{percent(all_fast, total):8.1f}")
    lines += [f"{times:8}  {name}: {event}" for (name, event), times in slow.most_common()]
    report({"frames": total, "fast": all_fast, "fast_percent": percent(all_fast, total), **figures}, "\n".join(lines))


def percent(part: int, whole: int) -> float:
    """Rounded to hundredths."""
    return round(100 * part / max(whole, 1), 2)


if __name__ == "__main__":
    main()
