"""Where each public name has its section, and links to it."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

from duologue import catalogue
from website.python_api.classes import methods_of
from website.python_api.definitions import Definition, module_docstring, public_names, resolve
from website.python_api.mentions import mentions
from website.python_api.packages import FOLDER, PACKAGES, TYPES

__all__ = ["Place", "home", "linked_code", "linked_prose", "mentioned_types", "place_of", "wire_page"]

_CODE: Final = re.compile(r"`([^`\n]+)`")
_PAGE: Final = re.compile(r"\bdocs/([\w/-]+\.md)")


class Place(NamedTuple):
    """A section: its page, from the root of the site, and its anchor, which may be empty."""

    page: str
    anchor: str

    def link(self, page: str) -> str:
        """The target of a link on a page."""
        where = posixpath.relpath(self.page, posixpath.dirname(page) or ".")
        if not self.anchor:
            return where
        return f"#{self.anchor}" if page == self.page else f"{where}#{self.anchor}"


@cache
def wire_page(name: str) -> Place | None:
    """Where the reference of the wire shows a class or a type."""
    for entry in catalogue.events():
        if entry.class_name == name:
            anchor = f"{entry.direction}-{entry.wire}".replace(".", "-").replace("_", "-")
            return Place(f"reference/{entry.group}.md", anchor)
    return Place("reference/types.md", name.lower()) if name in catalogue.types() else None


@cache
def _homes() -> Mapping[tuple[str, str], Place]:
    """By the module and the name of its definition."""
    homes: dict[tuple[str, str], Place] = {}
    taken: set[Place] = set()
    for package in PACKAGES:
        page = f"{FOLDER}/{package.page}.md"
        for module in package.modules:
            for name in public_names(module):
                definition = resolve(module, name)
                key = (definition.module, definition.name)
                if key in homes or definition.node is None:
                    continue
                place = Place(page, name.strip("_"))
                if package.page == "events" and (wire := wire_page(name)) is not None:
                    place = wire
                elif place in taken:  # two modules of one page have a name each
                    place = Place(page, f"{module.rpartition('.')[2]}-{name}")
                taken.add(place)
                homes[key] = place
    for found in _mentioned(homes):
        place = Place(TYPES, found.name)
        if place in taken:
            place = Place(TYPES, f"{found.module.rpartition('.')[2]}-{found.name}")
        taken.add(place)
        homes[found.module, found.name] = place
    return homes


def _mentioned(homes: Mapping[tuple[str, str], Place]) -> list[Definition]:
    """What the sections mention and what has no section yet, by name."""
    found: dict[tuple[str, str], Definition] = {}
    for module, name in homes:
        found |= {(each.module, each.name): each for each in mentions(resolve(module, name))}
    return sorted(
        (each for key, each in found.items() if key not in homes), key=lambda each: (each.name.lower(), each.module)
    )


def mentioned_types() -> list[Definition]:
    """What has its section on the page of types."""
    return [resolve(*key) for key, place in _homes().items() if place.page == TYPES]


def home(definition: Definition) -> Place | None:
    """Where a definition has its section. None if it has none."""
    return _homes().get((definition.module, definition.name))


@cache
def _sections() -> frozenset[Place]:
    return frozenset(_homes().values())


@cache
def _modules() -> Mapping[str, Place]:
    found = {module: Place(f"{FOLDER}/{each.page}.md", "") for each in PACKAGES for module in each.modules}
    return {**found, "duologue.engines": Place(f"{FOLDER}/engines.md", "")}


@cache
def _bare() -> Mapping[str, Place]:
    """By the name alone: classes, and functions of which there is one."""
    found: dict[str, Place] = {}
    for (_, name), place in _homes().items():
        found.setdefault(name, place)
    # An event is said by its name in a Realtime session, and mostly the server's.
    for entry in sorted(catalogue.events(), key=lambda each: (each.api != "realtime", each.direction != "server")):
        if entry.wire not in found:
            anchor = f"{entry.direction}-{entry.wire}".replace(".", "-").replace("_", "-")
            found[entry.wire] = Place(f"reference/{entry.group}.md", anchor)
    return found


@cache
def _members() -> Mapping[str, Place]:
    """Methods by `Class.method`, and by `object.method` for an object that is named after its class."""
    found: dict[str, Place] = {}
    for (module, name), place in _homes().items():
        definition = resolve(module, name)
        if isinstance(definition.node, ast.ClassDef) and place.page.startswith(FOLDER) and place.page != TYPES:
            for method in methods_of(module, definition.node):
                member = Place(place.page, f"{place.anchor}-{method}")
                found[f"{name}.{method}"] = member
                found.setdefault(f"{name.lower()}.{method}", member)
    return found


def place_of(name: str, *, page: str = "", owner: str = "") -> Place | None:
    """Where a name, as prose says it, has its section: `ReconnectPolicy`, `Conversation.play`, `duologue.telephony`.

    `page` is where it is said, and `owner` the class that is spoken of there: their own names come first.
    """
    said = name.removesuffix("()")
    if owner and (member := _members().get(f"{owner}.{said}")) is not None:
        return member
    if said.startswith("duologue"):
        module, _, last = said.rpartition(".")
        if said in _modules():
            return _modules()[said]
        if not module or not _is_public(module, last):
            return None
        return home(resolve(module, last))
    own = Place(page, said)
    return (own if own in _sections() else None) or _bare().get(said) or _members().get(said)


@cache
def _is_public(module: str, name: str) -> bool:
    try:
        return bool(module_docstring(module)) and name in public_names(module)
    except ValueError:
        return False


def linked_prose(text: str, *, page: str, owner: str = "") -> str:
    """Prose with links from the names in backticks, each at its first mention."""
    linked: set[str] = set()

    def link_of(code: re.Match[str]) -> str:
        place = None if code[1] in linked else place_of(code[1], page=page, owner=owner)
        if place is None or (owner and code[1] == owner):
            return code[0]
        linked.add(code[1])
        return f"[{code[0]}]({place.link(page)})"

    def page_of(path: re.Match[str]) -> str:
        return f"[{path[0]}]({Place(path[1], '').link(page)})"

    return _PAGE.sub(page_of, _CODE.sub(link_of, text))


def linked_code(expression: str, *, page: str) -> str:
    """A type in the cell of a table, with links from the names in it."""
    if not expression:
        return ""
    names = dict.fromkeys(re.findall(r"\b[A-Z]\w+", expression))
    places = {name: place for name in names if (place := place_of(name, page=page)) is not None}
    code = f"<code>{_escaped(expression)}</code>" if "|" in expression else f"`{expression}`"
    if [expression] == list(places):
        return f"[{code}]({places[expression].link(page)})"
    links = ", ".join(f"[{name}]({place.link(page)})" for name, place in places.items())
    return f"{code} ({links})" if links else code


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;")
