"""The reference of Python and the public names, held against each other."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from duologue import errors
from duologue.server import RealtimeApp
from duologue.testing import scripted_app_engines
from duologue.testing.served import AppInMemory, ServerThread
from website.pages import ROOT
from website.python_api.classes import Function, attributes_of, bases_of, constructor_of, methods_of
from website.python_api.definitions import Definition, public_names, resolve
from website.python_api.names import home, linked_prose, place_of
from website.python_api.packages import FOLDER, PACKAGES, TYPES
from website.python_api.pages import index_page, python_pages

WITHOUT_PAGE: Final = {
    "duologue.catalogue": "the reference of events is made of it",
    "duologue.chance": "floor 4, for the package itself",
    "duologue.cli": "`duologue --help` documents it",
    "duologue.clock": "floor 4, for the package itself",
    "duologue.conformance": "docs/conformance.md documents it",
    "duologue.deploy": "docs/howto/more-than-one-machine.md documents it",
    "duologue.dialects": "docs/dialects.md documents it",
    "duologue.load": "docs/howto/how-much-can-it-hold.md documents it",
    "duologue.printable": "floor 2, for the package itself",
    "duologue.protocol": "docs/architecture.md documents it",
    "duologue.tracebacks": "floor 2, for the package itself",
}
"""Packages without a page of their own, and why."""

OURS: Final = frozenset(errors.__all__)


@cache
def pages() -> dict[str, str]:
    return python_pages()


def given() -> Iterator[tuple[str, str, Definition]]:
    """Every public name of the documented modules: the module, the name, and where it is defined."""
    for package in PACKAGES:
        for module in package.modules:
            for name in public_names(module):
                yield module, name, resolve(module, name)


def documented() -> dict[tuple[str, str], Definition]:
    """What has a section on a page of Python, without the types that are only mentioned."""
    return {
        (each.module, each.name): each
        for _, _, each in given()
        if (place := home(each)) is not None and place.page.startswith(FOLDER) and place.page != TYPES
    }


def test_every_package_has_a_page_or_a_reason() -> None:
    top = {
        f"duologue.{path.stem}"
        for path in (ROOT / "src" / "duologue").iterdir()
        if not path.name.startswith(("_", ".")) and (path.is_dir() or path.suffix == ".py") and path.stem != "py"
    }
    paged = {".".join(module.split(".")[:2]) for package in PACKAGES for module in package.modules}
    assert top - paged == set(WITHOUT_PAGE), (
        "give a new package a page in PACKAGES of website/python_api/packages.py, or its reason in WITHOUT_PAGE"
    )


def test_what_the_parsed_sources_give_is_what_an_import_gives() -> None:
    for package in PACKAGES:
        for module in package.modules:
            assert public_names(module) == sorted(importlib.import_module(module).__all__, key=str.lower), module


def test_every_public_name_has_a_section() -> None:
    missing = [
        f"{module}.{name}"
        for module, name, definition in given()
        if definition.module.startswith("duologue") and home(definition) is None and definition.node is not None
    ]
    assert missing == [], "no page shows these: look at website/python_api/names.py"
    for module, name, definition in given():
        place = home(definition)
        if place is None or not place.page.startswith(FOLDER):
            continue  # a module, a name of msgspec, or an event, whose section the test below looks for
        assert f"{{ #{place.anchor} " in pages()[place.page], f"{module}.{name} has no section in {place.page}"


def test_sections_of_events_are_those_of_the_reference_of_events() -> None:
    for module, name, definition in given():
        place = home(definition)
        if place is not None and not place.page.startswith(FOLDER):
            text = (ROOT / "docs" / place.page).read_text(encoding="utf-8")
            assert f'<a id="{place.anchor}"></a>' in text or f"# `{name}`" in text, f"{module}.{name}"


def test_every_public_name_says_what_it_is() -> None:
    silent = [
        f"{definition.module}.{name}"
        for _, name, definition in given()
        if not definition.docstring.strip()
        and (place := home(definition)) is not None
        and place.page.startswith(FOLDER)
    ]
    assert sorted(set(silent)) == [], "write a docstring: below `def` or `class`, or behind the assignment"


def test_every_public_method_says_what_it_does() -> None:
    silent = [
        f"{definition.name}.{name}"
        for definition in documented().values()
        if isinstance(definition.node, ast.ClassDef)
        for name, method in methods_of(definition.module, definition.node).items()
        if not ast.get_docstring(method.node)
    ]
    assert silent == [], "write a docstring below `def`"


def functions() -> Iterator[tuple[str, Function, str]]:
    """Each documented function and method, with its name, and what is said about it where it stands."""
    for definition in documented().values():
        match definition.node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() as node:
                yield definition.name, node, definition.docstring
            case ast.ClassDef() as node:
                for name, method in methods_of(definition.module, node).items():
                    yield f"{definition.name}.{name}", method.node, ast.get_docstring(method.node) or ""
                constructor = constructor_of(definition.module, node)
                if constructor is not None:
                    said = (ast.get_docstring(each) or "" for each in (node, constructor))
                    yield definition.name, constructor, "\n".join(said)
            case _:
                pass


def raised(function: Function) -> set[str]:
    """Errors of ours that its own statements raise and do not catch; functions inside it have their own."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda() | ast.ClassDef():
                continue
            case ast.Try() if {name for each in node.handlers for name in names_of(each.type)} & OURS:
                # What is raised there may be caught there.
                waiting += [*node.handlers, *node.orelse, *node.finalbody]
                continue
            case ast.Raise(exc=ast.Call(func=ast.Name(id=name))) if name in OURS:
                found.add(name)
            case _:
                pass
        waiting += ast.iter_child_nodes(node)
    return found


def names_of(expression: ast.expr | None) -> set[str]:
    return set() if expression is None else {each.id for each in ast.walk(expression) if isinstance(each, ast.Name)}


def is_named(name: str, docstring: str) -> bool:
    """Whether a docstring names an error or a class that it is a kind of, or says that another function tells."""
    classes = [each.__name__ for each in getattr(errors, name).__mro__ if each.__name__ in OURS]
    return any(re.search(rf"\b{each}\b", docstring) for each in classes) or "aises as " in docstring


def test_docstrings_name_the_errors_of_ours_that_are_raised_there() -> None:
    missing = [
        f"{name} raises {error}"
        for name, function, docstring in functions()
        for error in sorted(raised(function))
        if not is_named(error, docstring)
    ]
    assert missing == [], "name the error in the docstring, with when it is raised"


def test_the_search_for_errors_finds_them() -> None:
    source = """
def f():
    if x:
        raise AudioError("a")
    try:
        raise EngineError("b")
    except EngineError:
        raise RecordingError("c")
    def g():
        raise DecodeError("d")
    raise ValueError("e")
"""
    function = ast.parse(source).body[0]
    assert isinstance(function, Function)
    assert raised(function) == {"AudioError", "RecordingError"}
    assert is_named("NotConnected", "Raises LocalProtocolError.")
    assert not is_named("AudioError", "Raises EngineError.")


def test_every_exception_stands_in_the_tree() -> None:
    tree = errors.__doc__ or ""
    assert [name for name in errors.__all__ if not re.search(rf"\b{name}\b", tree)] == []


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server that examples call `url`: its engines are scripted."""
    thread = ServerThread()
    served = thread.hold(lambda: AppInMemory(RealtimeApp(engines=scripted_app_engines())).listening())
    yield served.value
    served.release()
    thread.close()


def docstrings() -> Iterator[tuple[str, str, str]]:
    """What is said of each documented name and method: the module, the name, the docstring."""
    for definition in documented().values():
        yield definition.module, definition.name, definition.docstring
        if isinstance(definition.node, ast.ClassDef):
            for name, method in methods_of(definition.module, definition.node).items():
                yield method.module, f"{definition.name}.{name}", ast.get_docstring(method.node) or ""


def test_examples_in_docstrings_are_right(url: str, tmp_path: Path) -> None:
    runner = doctest.DocTestRunner()
    said: list[str] = []
    for module, name, docstring in docstrings():
        if ">>> " in docstring:
            own = name.partition(".")[0]  # its page says how it is imported
            names = {own: getattr(importlib.import_module(module), own, None), "url": url, "folder": tmp_path}
            example = doctest.DocTestParser().get_doctest(docstring, names, name, module, 0)
            runner.run(example, out=said.append)
    assert not said, "".join(said)
    assert runner.tries > 20


def test_the_index_that_is_a_file_is_up_to_date() -> None:
    written = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    assert written == index_page(), "run: python -m website.python_api"


@pytest.mark.parametrize(
    ("said", "leads_to"),
    [
        ("ReconnectPolicy", "python/duologue.md#ReconnectPolicy"),
        ("Conversation.play", "python/client.md#Conversation-play"),
        ("conversation.play()", "python/client.md#Conversation-play"),
        ("duologue.telephony", "python/telephony.md"),
        ("duologue.connect", "python/client.md#connect"),
        ("ConnectFailed", "python/errors.md#ConnectFailed"),
        ("response.done", "reference/responses.md#server-response-done"),
        ("session.created", "reference/session.md#server-session-created"),
        ("SessionUpdateEvent", "reference/session.md#client-session-update"),
        ("AudioDelta", "python/notices.md#AudioDelta"),
    ],
)
def test_names_in_prose_lead_to_their_section(said: str, leads_to: str) -> None:
    place = place_of(said)
    assert place is not None
    assert place.link("index.md") == leads_to


def test_a_name_is_linked_where_it_is_first_said_and_pages_as_they_are_named() -> None:
    prose = linked_prose("`AudioDelta`, and `AudioDelta`; see docs/live.md.", page="python/client.md")
    assert prose == "[`AudioDelta`](notices.md#AudioDelta), and `AudioDelta`; see [docs/live.md](../live.md)."


def test_a_class_shows_what_its_bases_give_it() -> None:
    definition = resolve("duologue", "Conversation")
    assert isinstance(definition.node, ast.ClassDef)
    assert {"respond", "play", "stream", "on"} <= set(methods_of(definition.module, definition.node))
    assert "state" in {each.name for each in attributes_of(definition.module, definition.node)} or bases_of(
        definition.module, definition.node
    )


def test_a_signature_shows_values_and_what_a_block_gets() -> None:
    text = pages()["python/client.md"]
    assert "    max_message_bytes: int = 16 * 1024 * 1024,\n" in text
    assert ") -> AsyncContextManager[Connection]" in text
