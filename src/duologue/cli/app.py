"""The command line: arguments in, exit code out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from io import TextIOWrapper
from typing import Final

from cyclopts import App, CycloptsError, Parameter

from duologue import __version__
from duologue.cli.commands.chaos import chaos
from duologue.cli.commands.check import check
from duologue.cli.commands.conform import conform
from duologue.cli.commands.convert import convert
from duologue.cli.commands.demo import demo
from duologue.cli.commands.doctor import doctor
from duologue.cli.commands.events import events
from duologue.cli.commands.gate import gate
from duologue.cli.commands.inspect import inspect
from duologue.cli.commands.load import load
from duologue.cli.commands.phone_call import phone_call
from duologue.cli.commands.phone_ring import phone_ring
from duologue.cli.commands.replay import replay
from duologue.cli.commands.say import say
from duologue.cli.commands.serve import serve
from duologue.cli.commands.status import status
from duologue.cli.commands.talk import talk
from duologue.cli.commands.voices import voices
from duologue.cli.errors import EXIT_FAILURE, EXIT_USAGE, exit_code_of, sentence_of
from duologue.cli.help_pages import COMPLETION, HELP, ITSELF
from duologue.cli.input_files import with_standard_input
from duologue.cli.serving.option_sources import read_sources
from duologue.errors import DuologueError

__all__ = ["COMMANDS", "command", "run"]

COMMANDS: Final[Mapping[str, Callable[..., int]]] = {
    "demo": demo,
    "talk": talk,
    "say": say,
    "voices": voices,
    "serve": serve,
    "status": status,
    "doctor": doctor,
    "conform": conform,
    "chaos": chaos,
    "load": load,
    "phone call": phone_call,
    "phone ring": phone_ring,
    "replay": replay,
    "inspect": inspect,
    "gate": gate,
    "check": check,
    "convert": convert,
    "events": events,
}
"""By name, in the order of the help; a name of two words is a command of a family."""

_FAMILIES: Final[Mapping[str, str]] = {"phone": "Try applications that take telephone calls."}
"""The first words of such names."""


def command() -> App:
    """The command line with all its commands."""
    app = App(
        name="duologue",
        help="Typed realtime voice: a server to talk to, and a client that talks to any.",
        help_format="markdown",
        help_epilogue=(
            "First steps:\n\n    duologue demo\n    duologue serve\n    duologue talk --help\n\n"
            "Exit codes: 0 all went well, 1 something failed, 2 the command line cannot be right."
        ),
        version=__version__,
        default_parameter=Parameter(negative=(), show_default=_shown_default),
        group_commands=ITSELF,
    )
    families: dict[str, App] = {}
    for place, (name, function) in enumerate(COMMANDS.items()):
        page = HELP[name]
        sources = read_sources if function is serve else None
        first, _, second = name.partition(" ")
        parent = app
        if second:
            if first not in families:
                families[first] = App(
                    name=first,
                    help=_FAMILIES[first],
                    help_epilogue="",
                    group=page.group,
                    group_commands="Commands",
                    sort_key=place,
                )
                app.command(families[first])
            parent = families[first]
        group = None if second else page.group
        parent.command(
            function, name=second or first, group=group, sort_key=place, help_epilogue=page.epilogue, config=sources
        )
    app.register_install_completion_command(
        COMPLETION, group=ITSELF, help="Install completion for the shell in use, and say where."
    )
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code. An error is one sentence on standard error, never a traceback."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a character that the terminal lacks must not end a session
    try:
        result = command()(
            with_standard_input(arguments), exit_on_error=False, print_error=False, result_action="return_value"
        )
        return result if isinstance(result, int) else 0
    except CycloptsError as fault:
        _say(f"{' '.join(str(fault).split())} Try: duologue --help")
        return EXIT_USAGE
    except BrokenPipeError:
        # The reader of standard output has closed it; Python would report that again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_FAILURE
    except (DuologueError, OSError) as fault:
        _say(sentence_of(fault))
        return exit_code_of(fault)


def _shown_default(default: object) -> str | None:
    """What the help shows; nothing for a flag that is off and for an empty text."""
    return None if default is None or default is False or default in ((), "") else str(default)


def _say(sentence: str) -> None:
    print(f"duologue: {sentence}", file=sys.stderr)
