"""The page of all options of `duologue serve`, made of their table: `python -m duologue.cli.serving.option_page`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, Final, get_type_hints

from cyclopts import Group, Parameter

from duologue.cli.serving.option_sources import NEVER_ARGUMENTS, TABLE, variable_of
from duologue.cli.serving.options import ServeOptions

__all__ = ["page"]

_HEAD: Final = """\
# Options of `duologue serve`

Each option can be given in three ways: as an argument, as a variable of the environment, and in the table `[serve]` of
a TOML file that `--config` (or `DUOLOGUE_CONFIG`) names. An argument goes before a variable, and that before the
file; a list is replaced, not added to.

```toml
[serve]
port = 8443
tls-cert = "server.pem"          # relative to the folder of this file
limit = { sessions = 200 }
transcriber-url = "http://gpu-1:8000/v1"
transcriber-model = "whisper-large-v3"

[serve.engine-option.transcriber]
language = "de"
```

- Several values of a variable stand between commas, or on lines of their own (`DUOLOGUE_API_KEY=a,b`); those of
  `DUOLOGUE_ENGINE_OPTION` between semicolons or on lines. A flag is `true` or `false`. An empty variable is none.
- An error names the file and the key, or the variable. What is no option in the file is an error; a variable whose name
  is nearly that of an option is reported.
- **Keys do not belong into arguments**, which every user of a machine can read: take the environment, the file
  (readable by its owner alone), or an option that ends in `-key-file` and names a file with the key on one line. Those
  of newer options are refused as arguments.

This page is made of the table that the command reads. Do not edit it, but run
`python -m duologue.cli.serving.option_page docs/reference/options.md`.
"""


def page() -> str:
    """The page, in Markdown."""
    hints = get_type_hints(ServeOptions, include_extras=True)
    groups: dict[str, tuple[Any, list[str]]] = {}
    for field in fields(ServeOptions):
        parameter = next(each for each in hints[field.name].__metadata__ if isinstance(each, Parameter))
        group = parameter.group[0] if isinstance(parameter.group, tuple) else parameter.group
        assert isinstance(group, Group)
        groups.setdefault(group.name, (group.sort_key, []))[1].append(_row(field, parameter))
    lines = [_HEAD]
    for name, (_, rows) in sorted(groups.items(), key=lambda each: each[1][0]):
        lines += [f"## {name}\n", "| option | variable | key | default | what it does |", "|---|---|---|---|---|"]
        lines += [*rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def _row(field: Field[Any], parameter: Parameter) -> str:
    key = field.name.replace("_", "-")
    cells = [
        "–" if field.name in NEVER_ARGUMENTS else f"`--{key}`",
        f"`{variable_of(field.name)}`",
        "–" if field.name == "config" else f"`{TABLE}.{key}`",
        _default(field),
        (parameter.help or "").replace("|", "\\|"),
    ]
    return f"| {' | '.join(cells)} |"


def _default(field: Field[Any]) -> str:
    assert field.default is not MISSING
    match field.default:
        case None | () | "":
            return ""
        case bool(value):
            return "`true`" if value else "`false`"
        case value:
            return f"`{value}`"


def _main(arguments: list[str]) -> Iterator[str]:
    if not arguments:
        yield page()
    for name in arguments:
        Path(name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    sys.stdout.writelines(_main(sys.argv[1:]))
