"""What recordings hold beside messages, as sentences."""

from __future__ import annotations

from duologue.printable import printable_message, printable_name
from duologue.recording import (
    ClosedLine,
    ConnectedLine,
    EngineNote,
    ExchangeLine,
    FaultNote,
    Frame,
    LegLine,
    MarkNote,
    Note,
    NoteLine,
    PlaybackNote,
    RecordingLine,
    ToolNote,
    UnknownLine,
    UnknownNote,
)

__all__ = ["sentence_of_line"]


def sentence_of_line(line: RecordingLine) -> str | None:
    """A line that is no message, in a sentence with its time. None for what says nothing to a reader of events."""
    if isinstance(line, Frame | UnknownLine) or (isinstance(line, LegLine) and line.kind == "audio"):
        return None
    return f"{line.at_s:9.3f}  ·  {_sentence(line)}"


def _sentence(line: ClosedLine | ConnectedLine | ExchangeLine | LegLine | NoteLine) -> str:
    match line:
        case ClosedLine(code=code, reason=reason, by=by):
            what = "the connection was lost" if by == "network" else f"closed by the {by}"
            return f"{what}, code {code}" + (f" ({printable_message(reason)})" if reason else "")
        case ConnectedLine(url=url):
            return "connected again" + (f" to {url}" if url else "")
        case ExchangeLine(method=method, path=path, status=status):
            return f"{printable_name(method)} {printable_name(path)}: HTTP {status}"
        case LegLine(protocol=protocol, direction=direction, kind=kind, name=name):
            way = "to" if direction == "sent" else "from"
            about = f": {printable_message(name)}" if name else ""
            return f"telephone, {way} {printable_name(protocol)}: {kind}{about}"
        case NoteLine(note=note):
            return _sentence_of_note(note)


def _sentence_of_note(note: Note | UnknownNote) -> str:
    match note:
        case PlaybackNote(item_id=item_id, content_index=index, heard_ms=heard_ms, is_over=is_over):
            end = ", and no more" if is_over else ""
            return f"heard {heard_ms / 1000:.2f} s of part {index} of {printable_name(item_id)}{end}"
        case ToolNote(name=name, call_id=call_id, step=step):
            return f"{printable_name(name)} ({printable_name(call_id)}) {_STEPS[step]}"
        case EngineNote(stage=stage, step=step, id=of):
            return f"{printable_name(stage)}{f' of {printable_name(of)}' if of else ''} {_STEPS[step]}"
        case FaultNote(name=name, detail=detail):
            return f"fault made: {printable_name(name)}{f', {printable_message(detail)}' if detail else ''}"
        case MarkNote(text=text):
            return f"mark: {printable_message(text)}"
        case UnknownNote():
            return "a note of a kind that this version does not know"


_STEPS = {"begin": "begins", "end": "ends"}
