"""Options of `duologue serve` from the environment and from a TOML file; arguments go before both.

`--port 9000` is `DUOLOGUE_PORT=9000`, and in the file `port = 9000` in the table `[serve]`.
"""

from __future__ import annotations

import difflib
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import msgspec
from cyclopts import App, ArgumentCollection, Token

from duologue.cli.errors import UsageError
from duologue.cli.serving.options import ServeOptions
from duologue.printable import printable, printable_name

__all__ = ["NEVER_ARGUMENTS", "PREFIX", "TABLE", "read_sources", "variable_of"]

PREFIX: Final = "DUOLOGUE_"
"""Of the variables."""

TABLE: Final = "serve"
"""Of the file."""

NEVER_ARGUMENTS: Final = frozenset(
    {
        "admin_key",
        "transcriber_key",
        "synthesizer_key",
        "secret",
        "twilio_auth_token",
        "signalwire_signing_key",
        "telnyx_token",
        "plivo_auth_token",
        "vonage_signature_secret",
        "asterisk_password",
        "audiosocket_id",
    }
)
"""Every user of a machine can read arguments. Older keys, which may be arguments, stay so for those who use them."""

_SECRET_WORDS: Final = ("key", "token", "secret", "password")
"""How options of engines end that are as secret."""

_NAMES: Final = tuple(field.name for field in fields(ServeOptions))
_PATHS: Final = frozenset(field.name for field in fields(ServeOptions) if "Path" in str(field.type))
_SEVERAL: Final = frozenset(field.name for field in fields(ServeOptions) if "tuple" in str(field.type))
_TABLES: Final = frozenset({"limit", "engine_option"})
"""Options of the form NAME=VALUE, which are tables in the file."""

_MAX_FILE_BYTES: Final = 1024 * 1024
"""A thousand times what all options take."""

_LINKS: Final = ("tcp://", "udp://", "sctp://")
"""What Kubernetes puts into DUOLOGUE_PORT where a service is called duologue: the address of that service."""


def variable_of(name: str) -> str:
    """The variable of an option, given by the name of its field."""
    return PREFIX + name.upper()


def read_sources(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Fill the options in that are no arguments: a hook of cyclopts.

    Raises:
        UsageError: a secret is an argument, or the file cannot be read, or has what is no option.
    """
    del app, commands
    by_option = {name: argument for argument in arguments for name in argument.names}
    options = {name: by_option[_option(name)] for name in _NAMES}
    for name, argument in options.items():
        _check_arguments(name, [token.value for token in argument.tokens])
    variables = dict(_variables())
    path = next((token.value for token in options["config"].tokens), None) or variables.get("config")
    configured = _read_file(Path(path)) if path else {}
    for name, argument in options.items():
        if argument.tokens:
            continue
        if name in variables:
            keyword, source = variable_of(name), "the environment"
            values = _split(name, variables[name])
        elif name in configured:
            keyword, source = f"{TABLE}.{_key(name)}", str(path)
            values = configured[name]
        else:
            continue
        for place, value in enumerate(values):
            argument.append(Token(keyword=keyword, value=value, source=source, index=place))


def _option(name: str) -> str:
    return f"--{_key(name)}"


def _key(name: str) -> str:
    return name.replace("_", "-")


def _check_arguments(name: str, values: Sequence[str]) -> None:
    """Raise UsageError for a secret among the arguments."""
    if name in NEVER_ARGUMENTS and values:
        raise UsageError(
            f"{_option(name)} is no argument, which every user of this machine could read: set {variable_of(name)}, or "
            f"name a file with {_option(name)}-file"
        )
    for value in values if name == "engine_option" else ():
        where = value.partition("=")[0].strip()
        if where.lower().endswith(_SECRET_WORDS):
            raise UsageError(
                f"--engine-option {printable_name(where)} is a secret, which every user of this machine could read: "
                f"write it into the file of --config, or into {variable_of(name)}"
            )


# --- the environment


def _variables() -> Iterator[tuple[str, str]]:
    """By option, the variables that are set. One whose name is nearly that of an option is reported."""
    for variable, value in os.environ.items():
        name = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX) or not value.strip():
            continue
        if name in _NAMES:
            if not (name == "port" and value.startswith(_LINKS)):
                yield name, value.strip()
        elif near := difflib.get_close_matches(name, _NAMES, n=1, cutoff=0.85):
            meant = variable_of(near[0])
            print(f"duologue: {printable_name(variable)} is no option; do you mean {meant}?", file=sys.stderr)


def _split(name: str, value: str) -> list[str]:
    """The values of a variable: lines, or between commas; options of engines, which hold commas, between semicolons."""
    if name not in _SEVERAL:
        return [value]
    mark = "\n" if "\n" in value else ";" if name == "engine_option" else ","
    return [part.strip() for part in value.split(mark) if part.strip()]


# --- the file


def _read_file(path: Path) -> Mapping[str, list[str]]:
    """By option, the values of the file. Raises UsageError."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as fault:
        raise UsageError(f"--config: cannot read {path}: {fault.strerror or fault}") from fault
    if len(content) > _MAX_FILE_BYTES:
        raise UsageError(f"--config: {path} is too long to be a file of options")
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as fault:  # a fault of tomllib's is a ValueError
        raise UsageError(f"{path}: {printable(str(fault))}") from fault
    options = table.get(TABLE, {})
    stray = next((key for key in table if key != TABLE), None)
    if stray is not None or not isinstance(options, dict):
        where = printable_name(stray) if stray is not None else TABLE
        raise UsageError(f"{path}: {where}: options stand in the table [{TABLE}], and nothing else is read")
    return {name: values for key, value in options.items() for name, values in [_configured(path, key, value)]}


def _configured(path: Path, key: str, value: Any) -> tuple[str, list[str]]:
    name = key.replace("-", "_")
    where = f"{path}: {TABLE}.{printable_name(key)}"
    if name not in _NAMES or name == "config":
        near = difflib.get_close_matches(name, _NAMES, n=1)
        hint = f"; do you mean {_key(near[0])}?" if near else ""
        raise UsageError(f"{where}: there is no such option{hint}")
    if name in _TABLES and isinstance(value, dict):
        return name, list(_pairs(where, value, deep=name == "engine_option"))
    if isinstance(value, list) and name not in _SEVERAL:
        raise UsageError(f"{where}: one value is expected, not a list")
    values = [_text(where, each) for each in (value if isinstance(value, list) else [value])]
    if name in _PATHS:
        # As in most such files: where a server is started from says nothing about where its files are.
        values = [str(path.parent / each) for each in values]
    return name, values


def _pairs(where: str, table: Mapping[str, Any], *, deep: bool) -> Iterator[str]:
    """NAME=VALUE of a table; KIND.NAME=VALUE of a table of tables."""
    for key, value in table.items():
        if not deep:
            yield f"{key}={_text(f'{where}.{printable_name(key)}', value)}"
        elif isinstance(value, dict):
            for name, each in value.items():
                text = each if isinstance(each, str) else _json(f"{where}.{printable_name(f'{key}.{name}')}", each)
                yield f"{key}.{name}={text}"
        else:
            raise UsageError(f"{where}.{printable_name(key)}: a table of the engine's options is expected")


def _text(where: str, value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case _:
            raise UsageError(f"{where}: a text, a number, true or false is expected")


def _json(where: str, value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode("utf-8")
    except (TypeError, ValueError, RecursionError) as fault:
        raise UsageError(f"{where}: {printable(str(fault))}") from fault
