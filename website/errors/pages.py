"""The pages of errors, in Markdown."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from duologue.protocol.live.server.errors import REFUSALS
from duologue.protocol.server.errors import INVALID_REQUESTS
from duologue.server.rejections import REJECTIONS
from duologue.transports.network_faults import CERTIFICATE_PROBLEMS, DNS_PROBLEMS, ERRNO_PROBLEMS
from website.errors.messages import ErrorClass, error_classes, invalid_values, messages
from website.errors.remedies import Remedies, read_remedies

__all__ = ["errors_page", "messages_page", "network_problems"]

_HEAD: Final = """\
# Errors: what they mean, what to do

Every error that duologue raises, sends or prints, with what to do about it. For a symptom without a message, such as
silence, see [the ten likeliest mistakes](../troubleshooting.md); for a server that cannot be reached,
[`duologue doctor`](../howto/when-it-does-not-connect.md) finds the step that fails.

The page is made of the tables in the code that have the messages. Do not edit it, but the sentences in
`website/errors/remedies.toml`, and run `python -m website.errors`.
"""

_MESSAGES_HEAD: Final = """\
# Every message of an exception

As they stand in the code; `…` is what is filled in. Search a few words of yours. What to do about a class of
exceptions stands below its name; the messages of what servers send as `error` are in [errors](errors.md).
"""


def errors_page() -> str:
    """All tables that have errors, with what to do."""
    remedies = read_remedies()
    sections = [
        _HEAD,
        _exceptions(remedies),
        _rejections(remedies["rejections"]),
        _requests(remedies["invalid_requests"]),
        _refusals(remedies["live_refusals"]),
        _failures(remedies["failures"]),
        _close_codes(remedies["close_codes"]),
        _network(remedies),
        _exit_codes(remedies["exit_codes"]),
    ]
    return "\n".join(sections).rstrip() + "\n"


def messages_page(package: Path) -> str:
    """The messages of all exceptions, by class; nothing is imported, so the source is what counts."""
    remedies = read_remedies()["exceptions"]
    classes = error_classes(package)
    lines = [_MESSAGES_HEAD]
    for name, found in groupby(messages(package), key=lambda each: each.exception):
        lines += [f"## {name}", "", f"{classes[name].about}. {remedies[name]}", ""]
        for room, said in groupby(found, key=lambda each: each.room):
            lines += [f"`{room}`", "", *(f"- {_as_text(each.text)}" for each in said), ""]
    lines += ["## The reasons of an invalid value", "", "In the place of `{reason}` in *Invalid value for …*:", ""]
    lines += [f"- {_as_text(each)}" for each in invalid_values(package)]
    return "\n".join(lines).rstrip() + "\n"


def network_problems() -> Mapping[str, str]:
    """What is told of a network that fails, by the name of its number."""
    resolver = {number: name for name, number in vars(socket).items() if name.startswith("EAI_")}
    return {errno.errorcode[number]: row.problem for number, row in ERRNO_PROBLEMS.items()} | {
        resolver[number]: row.problem for number, row in DNS_PROBLEMS.items()
    }


def _exceptions(remedies: Remedies) -> str:
    classes = error_classes(Path(__file__).parents[2] / "src" / "duologue")
    rows = [
        (f"{_depth(name, classes) * '·&nbsp;'}`{name}`", f"{each.about}.", remedies["exceptions"][name])
        for name, each in sorted(classes.items(), key=lambda pair: _way(pair[0], classes))
    ]
    intro = (
        "They are in `duologue.errors`, and each is caught by the class that it stands below; the last four are of the"
        " command and of its tools. The next page of the site lists the messages of each."
    )
    return _section("Exceptions", intro, ("class", "when", "what to do"), rows)


def _way(name: str, classes: Mapping[str, ErrorClass]) -> tuple[str | bool, ...]:
    """The classes above it and itself, so that each stands behind its parent."""
    above = next((parent for parent in classes[name].parents if parent in classes), None)
    is_elsewhere = classes[name].module != "duologue.errors"
    return (*(_way(above, classes) if above is not None else ()), is_elsewhere, name)


def _depth(name: str, classes: Mapping[str, ErrorClass]) -> int:
    return len(_way(name, classes)) // 2 - 1


def _rejections(remedies: Mapping[str, str]) -> str:
    intro = (
        "Before a session: the HTTP status of a refused handshake or request, or, where a browser could not read that,"
        " an `error` event and a close. The client makes `AuthenticationFailed`, `ModelNotFound` or `ConnectFailed` of"
        " it."
    )
    rows = [
        (str(row.http_status), str(row.close_code), _code(row.code), _template(row.message), remedies[name])
        for name, row in REJECTIONS.items()
    ]
    return _section("No session", intro, ("HTTP", "close", "code", "message", "what to do"), rows)


def _requests(remedies: Mapping[str, str]) -> str:
    intro = "`error` events. The session goes on, and what was refused changes nothing."
    rows = [(_code(code), _template(message), remedies[name]) for name, (code, message) in INVALID_REQUESTS.items()]
    return _section("Errors in a Realtime session", intro, ("code", "message", "what to do"), rows)


def _refusals(remedies: Mapping[str, str]) -> str:
    rows = [(_code(code), _template(message), remedies[name]) for name, (code, message) in REFUSALS.items()]
    intro = "`error` events, with `client_event_id` of the command."
    return _section("Errors in a Live session", intro, ("code", "message", "what to do"), rows)


def _failures(remedies: Mapping[str, str]) -> str:
    intro = "Codes whose message comes from elsewhere: an engine, a relay's upstream, a count of tokens."
    rows = [(f"`{code}`", remedy) for code, remedy in remedies.items()]
    return _section("Failures", intro, ("code", "what to do"), rows)


def _close_codes(remedies: Mapping[str, str]) -> str:
    intro = "`ConnectionClosed.code`, and the metric `duologue_sessions_closed`."
    return _section("Close codes", intro, ("code", "what it means, and what to do"), list(remedies.items()))


def _network(remedies: Remedies) -> str:
    rows = [(f"`{name}`", _template(said), remedies["network"][name]) for name, said in network_problems().items()]
    rows += [
        (f"certificate, {number}", _template(said), remedies["certificates"][str(number)])
        for number, said in CERTIFICATE_PROBLEMS.items()
    ]
    intro = (
        "`ConnectFailed`: *cannot reach …*, and *its TLS certificate is not accepted: …* with the number of OpenSSL."
    )
    return _section("Network and TLS", intro, ("what", "message", "what to do"), rows)


def _exit_codes(remedies: Mapping[str, str]) -> str:
    intro = "Of every command of `duologue`. An error is one sentence on standard error, never a traceback."
    return _section("Exit codes", intro, ("code", "what it means"), list(remedies.items()))


def _section(title: str, intro: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join([f"## {title}", "", intro, "", *_table(head, rows), ""])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        cells = " | ".join(cell.replace("|", "\\|") for cell in row)
        yield f"| {cells} |"


def _code(code: str | None) -> str:
    return "" if code is None else f"`{code}`"


def _template(message: str) -> str:
    """A message with its placeholders as ellipses."""
    return _as_text(re.sub(r"\{[^}]*\}", "…", message))


def _as_text(words: str) -> str:
    """Words as Markdown that shows them as they are."""
    return re.sub(r"([\\`*_<>\[\]#])", r"\\\1", " ".join(words.split()))
