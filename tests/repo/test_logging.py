"""No line of a log says what a peer wants it to: each place that logs is looked at."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.repo._tree import PACKAGE, modules

_METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}

# What is logged as it is, and why that is safe. Everything else goes through `printable`, `printable_name` or `note`.
_SAFE = {
    ("client/logs/connection_log.py", "level"): "a level, no text",
    ("client/dialect_detection.py", "guess.dialect"): "one of our own names of dialects",
    ("client/dialect_detection.py", "self.dialect"): "one of our own names of dialects",
    ("client/event_reader.py", "name"): "one of the names of published events",
    ("client/asyncio/supervisor.py", "illegal"): "names of a table of states, and of our own events",
    ("client/asyncio/outcomes.py", "audio_ms"): "a number",
    ("client/asyncio/session_updates.py", "CONFIG_ANSWER_S"): "a number",
    ("client/logs/error_log.py", "repeated"): "a number",
    ("client/asyncio/supervisor.py", "fault"): "a ConnectFailed: its text is printable, as every DuologueError's",
    ("client/asyncio/supervisor.py", "reconnection.attempts"): "a number",
    ("client/sound/blocks.py", "self._name"): "the verb that made it: conversation.play(…)",
    ("client/sound/playback.py", "_STALL_S"): "a number of seconds",
    ("client/live/control.py", "len(text)"): "a number",
    ("client/live/outcomes.py", "position_ms"): "a number",
    ("client/live/playback.py", "_STALL_S"): "a number of seconds",
    ("client/live/playback.py", "_WORDLESS_S"): "a number of seconds",
    ("client/translation/playback.py", "_STALL_S"): "a number of seconds",
    ("client/asyncio/rotation.py", "fault"): "a ConnectFailed: its text is printable, as every DuologueError's",
    ("client/asyncio/loop_lag.py", "name"): "the name of one of our tasks",
    ("client/asyncio/loop_lag.py", "round(self._late_s * 1000)"): "a number",
    ("client/asyncio/loop_lag.py", "stack[-1].f_code.co_qualname"): "a name in source code",
    ("engines/speech/moonshine_weights.py", "cached"): "a path that this user's settings name",
    ("engines/speech/moonshine_weights.py", "fault"): "the operating system's word for that path",
    ("transports/liveness.py", "self.cut_reason"): "our own sentence with two numbers",
}


def _logging_calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
            owner = ast.unparse(node.func.value)
            if owner.lower().endswith(("logger", "log", "logging")) or "getLogger" in owner:
                yield node


def _is_escaped(argument: ast.expr) -> bool:
    if isinstance(argument, ast.Constant):
        return True
    return isinstance(argument, ast.Call) and ast.unparse(argument.func) in {
        "printable",
        "printable_message",
        "printable_name",
    }


def _logged() -> Iterator[tuple[str, str, str]]:
    """Module, logged expression and line of everything that a log shows without escaping it."""
    for path in modules():
        name = path.relative_to(PACKAGE).as_posix()
        if name == "server/telemetry/log.py":
            continue  # `note` itself, which escapes its facts
        for call in _logging_calls(ast.parse(path.read_text(encoding="utf-8"))):
            values = [keyword.value for keyword in call.keywords if keyword.arg not in {"exc_info", "extra"}]
            for argument in (*call.args, *values):
                if not _is_escaped(argument):
                    yield name, ast.unparse(argument), f"{name}:{call.lineno}"


def test_whatever_is_logged_is_escaped_or_known_to_be_our_own() -> None:
    unknown = [
        (place, expression)
        for name, expression, place in _logged()
        if (name, expression) not in _SAFE and not expression.startswith("', called from '.join(")
    ]
    assert unknown == [], "write printable(...) around it, or say in _SAFE why it is safe"


def test_what_is_known_to_be_safe_is_still_logged() -> None:
    assert set(_SAFE) - {(name, expression) for name, expression, _ in _logged()} == set()


def test_the_server_logs_through_one_function_alone() -> None:
    loggers = [
        path.relative_to(PACKAGE).as_posix()
        for path in modules()
        if (PACKAGE / "server") in path.parents and "getLogger(" in path.read_text(encoding="utf-8")
    ]
    # What uvicorn says of requests has a logger of its own, so that its level can be set.
    assert sorted(loggers) == ["server/run/uvicorn_http.py", "server/telemetry/log.py"]


def test_no_line_is_printed_on_a_terminal_with_rich_markup_in_it() -> None:
    """A text that rich is given as a `str` may hold its markup: `[link=…]` of a peer's would be obeyed."""
    marked = [
        f"{path.relative_to(PACKAGE).as_posix()}:{node.lineno}"
        for path in modules()
        if "rich" in (text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"self._console.print", "console.print", "table.add_row", "Text.from_markup"}
        for argument in node.args
        if isinstance(argument, ast.Constant | ast.JoinedStr) or ast.unparse(node.func) == "Text.from_markup"
    ]
    assert marked == []


@pytest.mark.parametrize("source", ["_logger.info('x %s', call.name)", "logging.getLogger('x').error(said)"])
def test_a_new_place_that_logs_is_seen(source: str) -> None:
    (call,) = _logging_calls(ast.parse(source))
    assert not all(map(_is_escaped, call.args))
