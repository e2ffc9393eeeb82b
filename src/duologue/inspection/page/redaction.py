"""What of a call its page leaves out: secrets always, and what its reader must not have."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias, get_args

from duologue.codec.jsontext import write_text
from duologue.recording.secrets import may_hold_secret, scrubbed_json

__all__ = ["REDACTIONS", "Redacted", "Redaction"]

Redacted: TypeAlias = Literal["audio", "text", "tools", "instructions"]
"""Sounds; what was said and typed; arguments, outputs and definitions of functions; instructions and prompts."""

REDACTIONS: Final[tuple[Redacted, ...]] = get_args(Redacted)

_TOLD_BY_US: Final = ("closed", "connected", "engine", "fault")
"""Kinds of marks that hold no words of an application."""

_ROW_FIELDS: Final[dict[str, Redacted]] = {
    **dict.fromkeys(("user_text", "answer_text", "text"), "text"),
    "arguments": "tools",
}
"""Fields that hold it, in rows of a call."""

_FIELDS: Final[dict[str, Redacted]] = {
    **dict.fromkeys(("transcript", "text", "refusal", "delta", "content", "logprobs", "image_url"), "text"),
    **dict.fromkeys(("arguments", "output", "tools", "tool", "result", "input"), "tools"),
    **dict.fromkeys(("instructions", "prompt"), "instructions"),
}
"""The same in frames. `_holds` says where another field of the name is meant."""

_OUTPUTS: Final = ("function_call_output", "mcp_call")

_SHOWN_CHARACTERS: Final = 100_000
"""Of one string: a page of instructions has 5,000. A frame may be 16 MiB, and a page shows many."""

_AUDIO_FIELDS: Final = frozenset({"audio", "delta", "data"})
_BASE64: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
_MIN_AUDIO: Final = 64
"""Characters: a piece of 2 ms. A shorter one tells nothing, and may be a word."""

_MAX_DEPTH: Final = 100
"""No event nests deeper than ten."""


class Redaction:
    """Makes what is shown of frames and of rows."""

    def __init__(self, without: frozenset[Redacted] = frozenset()) -> None:
        self.without = without

    def row(self, content: Any) -> Any:
        """JSON-ready data of a call without what is left out."""
        # Most calls have nothing that looks like a secret, and an hour has a hundred thousand texts.
        clean = scrubbed_json(content) if may_hold_secret(write_text(content).decode()) else content
        return self._row(clean) if self.without else clean

    def frame(self, content: dict[str, Any], bytes_per_s: float | None) -> dict[str, Any]:
        """A frame, without secrets already, as it is shown; `bytes_per_s` is of its audio, if that is known."""
        shown: dict[str, Any] = self._walk(content, str(content.get("type")), bytes_per_s, 0)
        return shown

    def _row(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._row(each) for each in value]
        if not isinstance(value, dict):
            return value
        if value.get("kind") in _TOLD_BY_US:
            return value
        return {name: self._row_field(name, each) for name, each in value.items()}

    def _row_field(self, name: str, value: Any) -> Any:
        left_out = _ROW_FIELDS.get(name)
        if left_out is not None and left_out in self.without and isinstance(value, str):
            return _told(left_out, value)
        return self._row(value)

    def _walk(self, value: Any, kind: str, bytes_per_s: float | None, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            return "(nested too deeply to be shown)"
        if isinstance(value, dict):
            inner = value.get("type")
            within = inner if isinstance(inner, str) and (inner in _OUTPUTS or "." in inner) else kind
            return {name: self._field(name, each, within, bytes_per_s, depth + 1) for name, each in value.items()}
        if isinstance(value, list):
            return [self._walk(each, kind, bytes_per_s, depth + 1) for each in value]
        if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS:
            return f"{value[:_SHOWN_CHARACTERS]}… ({len(value) - _SHOWN_CHARACTERS} more characters)"
        return value

    def _field(self, name: str, value: Any, kind: str, bytes_per_s: float | None, depth: int) -> Any:
        if isinstance(value, str) and name in _AUDIO_FIELDS and _is_audio(value, kind):
            return _told_audio(value, bytes_per_s)
        left_out = _FIELDS.get(name)
        if left_out is not None and value:
            left_out = _meant(name, left_out, kind)
            if left_out in self.without and _holds(name, value, kind):
                return _told(left_out, value)
        return self._walk(value, kind, bytes_per_s, depth)


def _is_audio(text: str, kind: str) -> bool:
    """Whether a string of a frame of this type is sound in base64."""
    if kind.endswith(".delta"):
        return "audio" in kind and "transcript" not in kind
    if len(text) < _MIN_AUDIO:
        return "audio.append" in kind or "audio_buffer.append" in kind
    return not text.isspace() and text.isascii() and not text.encode().translate(None, bytes(_BASE64))


def _meant(name: str, usual: Redacted, kind: str) -> Redacted:
    """What such a field of an event of this type holds."""
    if name == "delta" and "arguments" in kind:
        return "tools"
    return "instructions" if name == "content" and "instructions" in kind else usual


def _holds(name: str, value: Any, kind: str) -> bool:
    match name:
        case "output":  # also the output of a response, and the settings of a session's
            return isinstance(value, str) or kind in _OUTPUTS
        case "input" | "result" | "tool" | "delta" | "content":  # `content` is also a list of parts
            return isinstance(value, str)
        case _:
            return True


def _told_audio(text: str, bytes_per_s: float | None) -> str:
    size_bytes = len(text) * 3 // 4 - text[-2:].count("=")
    return f"(audio, {size_bytes * 1000 / bytes_per_s:.0f} ms)" if bytes_per_s else f"(audio, {size_bytes} bytes)"


def _told(what: Redacted, value: Any) -> str:
    match value:
        case str():
            return f"({what}, {len(value)} characters)"
        case list():
            return f"({what}, {len(value)} of them)"
        case _:
            return f"({what})"
