"""ONNX graphs, read and written without the `onnx` package: just what moving weights around needs.

A message of the protobuf wire format is a list of fields, each a number, a wire type and a value; fields that are
not needed here are copied unchanged. The field numbers are those of the ONNX schema, version 3 of the format and later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

__all__ = ["Field", "Graph", "Node", "fields_of", "pack"]

Field = tuple[int, int, "int | bytes | memoryview"]
"""Field number, wire type, value: a number for wire type 0, bytes for all others."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}

_NODE_INPUT, _NODE_OUTPUT, _NODE_OP, _NODE_ATTRIBUTE, _NODE_DOMAIN = 1, 2, 4, 5, 7
_ATTRIBUTE_GRAPH = 6
_GRAPH_NODE, _GRAPH_NAME, _GRAPH_INITIALIZER, _GRAPH_OUTPUT, _GRAPH_VALUE_INFO = 1, 2, 5, 12, 13
_TENSOR_NAME = 8
_VALUE_NAME = 1


def fields_of(message: bytes | memoryview) -> Iterator[Field]:
    """The fields of a message, in order; bytes are views into it, not copies."""
    view, position = memoryview(message), 0
    while position < len(view):
        key, position = _varint(view, position)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, position = _varint(view, position)
            yield number, wire, value
            continue
        if wire == _BYTES:
            size, position = _varint(view, position)
        else:
            size = _FIXED_BYTES[wire]
        yield number, wire, view[position : position + size]
        position += size


def pack(fields: Iterable[Field]) -> bytes:
    """The message of these fields."""
    parts: list[bytes | memoryview] = []
    for number, wire, value in fields:
        parts.append(_packed_varint(number << 3 | wire))
        if isinstance(value, int):
            parts.append(_packed_varint(value))
            continue
        if wire == _BYTES:
            parts.append(_packed_varint(len(value)))
        parts.append(value)
    return b"".join(parts)


@dataclass(slots=True)
class Node:
    """One operation; its attributes that hold graphs (the branches of an `If`) are opened, all others are not."""

    op: str
    inputs: list[str]
    outputs: list[str]
    domain: str = ""
    other: list[Field] = field(default_factory=list["Field"])
    branches: list[tuple[list[Field], Graph]] = field(default_factory=list["tuple[list[Field], Graph]"])

    @classmethod
    def read(cls, message: memoryview) -> Node:
        node = cls("", [], [])
        for number, wire, value in fields_of(message):
            match number, value:
                case 1, memoryview():
                    node.inputs.append(str(value, "utf-8"))
                case 2, memoryview():
                    node.outputs.append(str(value, "utf-8"))
                case 4, memoryview():
                    node.op = str(value, "utf-8")
                case 7, memoryview():
                    node.domain = str(value, "utf-8")
                case 5, memoryview():
                    attribute = list(fields_of(value))
                    inner = [body for kind, _, body in attribute if kind == _ATTRIBUTE_GRAPH]
                    if inner and isinstance(inner[0], memoryview):
                        rest = [part for part in attribute if part[0] != _ATTRIBUTE_GRAPH]
                        node.branches.append((rest, Graph.read(inner[0])))
                    else:
                        node.other.append((number, wire, value))
                case _:
                    node.other.append((number, wire, value))
        return node

    def fields(self) -> Iterator[Field]:
        for name in self.inputs:
            yield _NODE_INPUT, _BYTES, name.encode()
        for name in self.outputs:
            yield _NODE_OUTPUT, _BYTES, name.encode()
        yield _NODE_OP, _BYTES, self.op.encode()
        yield _NODE_DOMAIN, _BYTES, self.domain.encode()
        yield from self.other
        for attribute, graph in self.branches:
            yield _NODE_ATTRIBUTE, _BYTES, pack([*attribute, (_ATTRIBUTE_GRAPH, _BYTES, pack(graph.fields()))])


@dataclass(slots=True)
class Graph:
    """Nodes in order, the constants they share, and the rest."""

    nodes: list[Node]
    initializers: dict[str, bytes | memoryview]
    outputs: set[str]
    other: list[Field]

    @classmethod
    def read(cls, message: memoryview) -> Graph:
        graph = cls([], {}, set(), [])
        for number, wire, value in fields_of(message):
            if number == _GRAPH_NODE and isinstance(value, memoryview):
                graph.nodes.append(Node.read(value))
            elif number == _GRAPH_INITIALIZER and isinstance(value, memoryview):
                graph.initializers[_text(value, _TENSOR_NAME)] = value
            elif number not in (_GRAPH_NAME, _GRAPH_VALUE_INFO):  # shapes of values that may not exist any more
                graph.other.append((number, wire, value))
                if number == _GRAPH_OUTPUT and isinstance(value, memoryview):
                    graph.outputs.add(_text(value, _VALUE_NAME))
        return graph

    def fields(self) -> Iterator[Field]:
        for node in self.nodes:
            yield _GRAPH_NODE, _BYTES, pack(node.fields())
        yield _GRAPH_NAME, _BYTES, b"graph"  # onnxruntime rejects a graph without a name
        for tensor in self.initializers.values():
            yield _GRAPH_INITIALIZER, _BYTES, tensor
        yield from self.other

    def used(self) -> set[str]:
        """Names of all values that this graph or a branch in it reads or returns."""
        names = set(self.outputs)
        for node in self.nodes:
            names.update(node.inputs)
            for _, branch in node.branches:
                names |= branch.used()
        return names

    def prune(self) -> None:
        """Drop what nothing uses, and what was used only by that."""
        while True:
            used, before = self.used(), len(self.nodes)
            self.nodes = [node for node in self.nodes if used.intersection(node.outputs)]
            self.initializers = {name: tensor for name, tensor in self.initializers.items() if name in used}
            for node in self.nodes:
                for _, branch in node.branches:
                    branch.prune()
            if len(self.nodes) == before and self.used() == used:
                return


def _text(message: memoryview, number: int) -> str:
    value = next(value for found, _, value in fields_of(message) if found == number)
    return str(value, "utf-8") if isinstance(value, memoryview) else ""


def _varint(view: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = view[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _packed_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
