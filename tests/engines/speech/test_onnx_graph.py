"""Graphs are read and written without loss, and pruned without harm."""

from hypothesis import given
from hypothesis import strategies as st

from duologue.engines.speech.onnx_graph import Field, Graph, Node, fields_of, pack

fields = st.lists(
    st.one_of(
        st.tuples(st.integers(1, 1000), st.just(0), st.integers(0, 2**63)),
        st.tuples(st.integers(1, 1000), st.just(2), st.binary(max_size=300)),
        st.tuples(st.integers(1, 1000), st.just(1), st.binary(min_size=8, max_size=8)),
        st.tuples(st.integers(1, 1000), st.just(5), st.binary(min_size=4, max_size=4)),
    )
)


@given(fields)
def test_fields_survive_packing(expected: list[Field]) -> None:
    found = [
        (number, wire, bytes(v) if isinstance(v, memoryview) else v) for number, wire, v in fields_of(pack(expected))
    ]
    assert found == expected


def tensor(name: str) -> bytes:
    return pack([(1, 0, 1), (2, 0, 1), (8, 2, name.encode())])


def value(name: str) -> bytes:
    return pack([(1, 2, name.encode())])


def test_a_graph_survives_packing() -> None:
    branch = Graph([Node("Neg", ["x"], ["z"])], {}, {"z"}, [(12, 2, value("z"))])
    chosen = Node("If", ["c"], ["y"], "", [(3, 2, b"name")], [([(1, 2, b"then_branch")], branch)])
    graph = Graph([chosen, Node("Foo", ["y"], ["w"], "com.example")], {"c": tensor("c")}, {"w"}, [(12, 2, value("w"))])
    again = Graph.read(memoryview(pack(graph.fields())))
    assert pack(again.fields()) == pack(graph.fields())
    assert [node.op for node in again.nodes] == ["If", "Foo"]
    assert again.nodes[0].branches[0][1].nodes[0].op == "Neg"
    assert again.outputs == {"w"}


def test_pruning_drops_what_nothing_uses_and_what_was_used_only_by_that() -> None:
    branch = Graph([Node("Neg", ["kept"], ["z"]), Node("Abs", ["only"], ["dead"])], {}, {"z"}, [])
    graph = Graph(
        [
            Node("Cast", ["weight"], ["unused"]),
            Node("Mul", ["unused", "weight"], ["no reader"]),
            Node("Sqrt", ["a"], ["only"]),
            Node("If", ["c"], ["y"], branches=[([], branch)]),
        ],
        {name: tensor(name) for name in ("weight", "kept", "a", "c")},
        {"y"},
        [],
    )
    graph.prune()
    assert [node.op for node in graph.nodes] == ["If"]
    assert [node.op for node in branch.nodes] == ["Neg"]
    assert set(graph.initializers) == {"kept", "c"}
