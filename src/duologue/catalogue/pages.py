"""The reference pages, made of the catalogue: `python -m duologue.catalogue.pages docs/reference`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from duologue import catalogue, events
from duologue.catalogue import EventEntry, FieldEntry, TypeEntry
from duologue.events import azure_voice_live, live

__all__ = ["pages", "write_pages"]

_NAMES = re.compile(r"\b[A-Z]\w+")


def pages() -> Mapping[str, str]:
    """Every page by its file name."""
    made = {f"{group}.md": "\n".join(_page(group)) + "\n" for group in catalogue.GROUPS}
    return {"index.md": "\n".join(_index()) + "\n", **made, "types.md": "\n".join(_types_page()) + "\n"}


def write_pages(folder: Path) -> None:
    """Write every page into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


def _index() -> Iterator[str]:
    yield "# Reference of events"
    yield ""
    yield "Every event of the protocol, its class in `duologue.events`, its fields and an example."
    yield "`duologue events NAME` prints the same, and the spelling of each dialect."
    yield ""
    yield "The pages are made of the catalogue that the tests hold the classes against. Do not edit them, but run"
    yield "`python -m duologue.catalogue.pages docs/reference`."
    for group, title in catalogue.GROUPS.items():
        yield ""
        yield f"## [{title}]({group}.md)"
        yield ""
        yield "| event | from | class |"
        yield "|---|---|---|"
        for entry in _of(group):
            yield f"| [`{entry.wire}`]({group}.md#{_anchor(entry)}) | {entry.direction} | `{entry.class_name}` |"
    yield ""
    yield "## [Types inside events](types.md)"


def _page(group: str) -> Iterator[str]:
    yield f"# {catalogue.GROUPS[group]}"
    yield ""
    yield "A field that may be absent may be null too, whatever is published. Types: [types inside events](types.md)."
    for entry in _of(group):
        yield ""
        yield from _section(entry)


def _section(entry: EventEntry) -> Iterator[str]:
    yield f'## <a id="{_anchor(entry)}"></a>`{entry.wire}`'
    yield ""
    yield entry.sent_when
    if entry.note:
        yield entry.note
    yield ""
    yield f"- Sent by the {entry.direction}; class `{entry.module}.{entry.class_name}`: {_summary(entry)}"
    yield f"- Era: {entry.eras}"
    if entry.aliases:
        yield f"- Formerly {_code(entry.aliases)}"
    if entry.transports:
        yield f"- Only over {', '.join(entry.transports)}"
    if entry.answers:
        yield f"- Answered by {_code(entry.answers)}"
    if entry.now is not None:
        yield f"- Today {_code((entry.now,))}"
    yield ""
    yield from _table(entry.fields)
    for field in entry.fields:
        if inside := catalogue.types().get(field.type):
            yield from _fields_inside(field, inside)
    yield ""
    yield "```json"
    yield catalogue.example_text(entry)
    yield "```"


def _fields_inside(field: FieldEntry, inside: TypeEntry) -> Iterator[str]:
    """The fields of an object in one line; those that are made of types lead to them."""
    if inside.fields and inside.reads_as is None:
        yield ""
        yield f"In `{field.name}`: {', '.join(_linked_field(each) for each in inside.fields)}."


def _linked_field(field: FieldEntry) -> str:
    name = next((name for name in _NAMES.findall(field.type) if name in catalogue.types()), None)
    return f"`{field.name}`" if name is None else f"[`{field.name}`](types.md#{name.lower()})"


def _types_page() -> Iterator[str]:
    yield "# Types inside events"
    yield ""
    yield "As they are published. Where a class is not the same, `DIVERGENCES.toml` of the catalogue says why."
    for entry in catalogue.types().values():
        yield ""
        yield from _type_section(entry)


def _type_section(entry: TypeEntry) -> Iterator[str]:
    yield f'## <a id="{entry.name.lower()}"></a>{entry.name}'
    yield ""
    if entry.note:
        yield f"{entry.note}\n"
    module = next((m for m in (events, live, azure_voice_live) if hasattr(m, entry.class_name)), None)
    if module is not None:
        yield f"- In `{module.__name__}`: `{entry.class_name}`"
    if entry.era == "beta":
        yield "- Era: beta"
    if entry.reads_as is not None:
        yield f"- Reads as {_linked(entry.reads_as)}"
    if entry.members:
        yield f"- {'One of' if entry.kind == 'union' else 'Stands for'} {', '.join(_linked(m) for m in entry.members)}"
    if entry.values:
        yield f"- {'Known values' if entry.open else 'Values'}: {', '.join(f'`{value}`' for value in entry.values)}"
    if entry.fields:
        yield ""
        yield from _table(entry.fields)


def _table(fields: tuple[FieldEntry, ...]) -> Iterator[str]:
    yield "| field | type | presence | meaning |"
    yield "|---|---|---|---|"
    for field in fields:
        yield f"| `{field.name}` | {_linked(field.type)} | {field.presence} | {_remark(field)} |"


def _remark(field: FieldEntry) -> str:
    remarks = [field.note] if field.note else []
    if field.beta_type is not None:
        remarks.append(f"In the beta {_linked(field.beta_type)}.")
    if field.era != "both":
        remarks.append({"ga": "Not in the beta.", "beta": "In the beta only."}[field.era])
    if field.since is not None:
        remarks.append(f"Since {field.since}.")
    if field.observed:
        remarks.append("Seen, not published.")
    return " ".join(remarks)


def _linked(expression: str) -> str:
    """A type as code, with links from the names in it to their sections."""
    named = [name for name in dict.fromkeys(_NAMES.findall(expression)) if name in catalogue.types()]
    # A bar inside backticks would end the cell of a table, for some readers of Markdown even with a backslash.
    code = f"<code>{expression.replace('|', '&#124;')}</code>" if "|" in expression else f"`{expression}`"
    if [expression] == named:
        return f"[{code}](types.md#{expression.lower()})"
    links = ", ".join(f"[{name}](types.md#{name.lower()})" for name in named)
    return f"{code} ({links})" if links else code


def _summary(entry: EventEntry) -> str:
    first = (catalogue.class_named(entry.class_name).__doc__ or "").partition("\n")[0]
    return f"{first[:1].lower()}{first[1:]}"


def _of(group: str) -> tuple[EventEntry, ...]:
    return tuple(entry for entry in catalogue.events() if entry.group == group)


def _anchor(entry: EventEntry) -> str:
    return f"{entry.direction}-{entry.wire}".replace(".", "-").replace("_", "-")


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    write_pages(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference"))
