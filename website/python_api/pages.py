"""The pages of the Python API."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from website.python_api.classes import Attribute, Method, attributes_of, bases_of, constructor_of, methods_of
from website.python_api.definitions import Definition, file_of, module_docstring, public_names, resolve
from website.python_api.expressions import shown
from website.python_api.names import Place, home, linked_code, mentioned_types, place_of
from website.python_api.packages import FOLDER, PACKAGES, TYPES, Package
from website.python_api.prose import first_sentence, markdown
from website.python_api.signatures import names_in, signature

__all__ = ["index_page", "python_pages", "source_of_page"]

_INDEX: Final = (
    "# The Python API",
    "",
    "Every public name: its signature, types, units, the errors it raises. The pages are made of the docstrings when",
    "the site is built (`make docs`); `python -m pydoc duologue.telephony` and an editor show the same. What events",
    "hold stands in the [reference of events](index.md), and the exceptions are one tree, `duologue.errors`.",
    "",
    "In the examples `url` is the URL of a server, such as `duologue serve` prints it, and `folder` a folder.",
    "",
    "Do not edit this page, but run `python -m website.python_api`.",
    "",
)

_UNSEARCHED: Final = " data-search-exclude"
"""Behind the anchor of a heading that is a word of the field, or a method: who searches for `interrupt` looks for the
page that says how. The tables of names, at the top of pages and classes, are searched."""

_WORDS: Final = (f"{FOLDER}/telephony.md",)
"""Pages whose names are words of the field too: who searches for a carrier looks for how its calls are heard."""

_MAX_VALUE: Final = 600
"""Characters of a value that are shown: unions of all events would fill a page."""


def python_pages() -> dict[str, str]:
    """Every page by its name from the root of the site."""
    written = {f"{FOLDER}/{each.page}.md": _page(each) for each in PACKAGES} | {TYPES: _types_page()}
    return {page: "\n\n".join(block for block in blocks if block) + "\n" for page, blocks in written.items()}


def source_of_page(page: str) -> str:
    """The file of the repository where the names of a page are listed."""
    module = next((each.modules[0] for each in PACKAGES if page == f"{FOLDER}/{each.page}.md"), "duologue")
    return file_of(module)


def index_page() -> str:
    """The text of docs/reference/python.md, which reads as a file too: no other page of these is one."""
    rows = [f"| {', '.join(f'`{module}`' for module in each.modules)} | {each.says} |" for each in PACKAGES]
    return "\n".join([*_INDEX, "| import | what it holds |", "|---|---|", *rows]) + "\n"


def _types_page() -> Iterator[str]:
    yield "# Types in signatures"
    yield "What signatures and attributes of the other pages mention and no package gives. Methods are left out."
    for definition in mentioned_types():
        place = home(definition)
        assert place is not None
        yield from _section(definition.module, definition.name, definition, place)


def _page(package: Package) -> Iterator[str]:
    page = f"{FOLDER}/{package.page}.md"
    yield f"# {package.modules[0]}"
    yield f"{package.says}."
    for number, module in enumerate(package.modules):
        if number:
            yield f"## From {module} {{ #{module.replace('.', '-')} }}"
        yield markdown(module_docstring(module), page=page)
        yield _contents(module, page)
        for name in public_names(module):
            definition = resolve(module, name)
            place = home(definition)
            if place is not None and place.page == page and _is_first(package, module, name, definition):
                yield from _section(module, name, definition, place)


def _is_first(package: Package, module: str, name: str, definition: Definition) -> bool:
    earlier = package.modules[: package.modules.index(module)]
    return not any(name in public_names(each) and resolve(each, name) == definition for each in earlier)


def _contents(module: str, page: str) -> str:
    rows = ["| name | what it is |", "|---|---|"]
    for name in public_names(module):
        definition = resolve(module, name)
        place = home(definition) or place_of(definition.module, page=page)
        shown = f"[`{name}`]({place.link(page)})" if place is not None else f"`{name}`"
        rows.append(f"| {shown} | {first_sentence(definition.docstring, page=page) or _kind(definition)} |")
    return "\n".join(rows)


def _kind(definition: Definition) -> str:
    match definition.node:
        case None:
            return f"Of `{definition.module}`."
        case ast.Assign() | ast.AnnAssign():
            return "A type or a constant."
        case _:
            return ""


def _section(module: str, name: str, definition: Definition, place: Place) -> Iterator[str]:
    is_word = place.page in _WORDS or re.fullmatch(r"_*[A-Za-z][a-z]*_*", name) is not None
    yield f"## {_plain_name(name)} {{ #{place.anchor}{_UNSEARCHED if is_word else ''} }}"
    yield f"`from {module} import {name}`"
    match definition.node:
        case ast.ClassDef() as node:
            yield from _class(definition, node, place)
        case ast.FunctionDef() | ast.AsyncFunctionDef() as node:
            yield _code(signature(node, name, module=definition.module))
            yield markdown(definition.docstring, page=place.page)
            yield _types(place.page, node)
        case ast.Assign(value=value) | ast.AnnAssign(value=value):
            text = "..." if value is None else shown(value)
            yield _code(f"{name} = {text if len(text) <= _MAX_VALUE else '...'}")
            yield markdown(definition.docstring, page=place.page)
        case None:
            pass


def _plain_name(name: str) -> str:
    return name.replace("_", r"\_") if name.startswith("_") else name


def _class(definition: Definition, node: ast.ClassDef, place: Place) -> Iterator[str]:
    module, name = definition.module, definition.name
    constructor = constructor_of(module, node)
    if constructor is not None:
        yield _code(signature(constructor, name, module=module, of_class=True))
    bases = [linked_code(ast.unparse(each), page=place.page) for each in node.bases]
    yield markdown(definition.docstring, page=place.page, owner=name)
    if constructor is not None:
        yield markdown(ast.get_docstring(constructor) or "", page=place.page, owner=name)
    if any(each.startswith("[") for each in bases):
        yield f"Is a {', '.join(each for each in bases if each.startswith('['))}."
    uses = {
        each.name
        for _, base in bases_of(module, node)
        for each in base.body
        if isinstance(each, ast.AsyncFunctionDef | ast.FunctionDef)
    }
    if "__aenter__" in uses:
        yield "Use it with `async with`."
    elif "__enter__" in uses:
        yield "Use it with `with`."
    yield _attributes(attributes_of(module, node), place.page, owner=name)
    methods = methods_of(module, node) if place.page != TYPES else {}
    if methods:
        yield f"Methods: {', '.join(f'[`{each}`](#{place.anchor}-{each})' for each in methods)}."
    for method in methods.values():
        yield from _method(method, name, place)


def _attributes(attributes: list[Attribute], page: str, *, owner: str) -> str:
    if not attributes:
        return ""
    rows = ["| attribute | type | default | what it is |", "|---|---|---|---|"]
    for each in attributes:
        default = "" if each.default is None else linked_code(each.default, page=page)
        says = " ".join(markdown(each.docstring, page=page, owner=owner).split())
        rows.append(
            f"| `{each.name}` | {linked_code(each.type, page=page)} | {default} | {says.replace('|', '&#124;')} |"
        )
    return "\n".join(rows)


def _method(method: Method, owner: str, place: Place) -> Iterator[str]:
    name = method.node.name
    yield f"### {owner}.{name} {{ #{place.anchor}-{name}{_UNSEARCHED} }}"
    signatures = method.overloads or (method.node,)
    yield _code("\n".join(signature(each, name, module=method.module) for each in signatures))
    yield markdown(ast.get_docstring(method.node) or "", page=place.page, owner=owner)
    yield _types(place.page, *signatures)


def _types(page: str, *functions: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    places = {name: place for name in names_in(*functions) if (place := place_of(name, page=page)) is not None}
    links = ", ".join(f"[`{name}`]({place.link(page)})" for name, place in places.items())
    return f"In the signature: {links}." if links else ""


def _code(text: str) -> str:
    return f"```python\n{text}\n```"
