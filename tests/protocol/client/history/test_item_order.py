"""Items stand behind their predecessor, in whatever order both arrive."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from duologue.protocol.client.history.item_order import ItemOrder


def chain(length: int) -> list[tuple[str, str | None]]:
    return [(str(number), str(number - 1) if number else None) for number in range(length)]


@given(st.integers(0, 12).flatmap(lambda length: st.permutations(chain(length))), st.data())
def test_a_chain_is_in_order_in_whatever_order_it_comes(
    arriving: list[tuple[str, str | None]], data: st.DataObject
) -> None:
    order = ItemOrder()
    for item_id, after in arriving:
        order.place(item_id, after=after)
        if data.draw(st.booleans()):
            order.place(item_id, after=after)
            assert len(order.ids) == len(order)
    assert order.ids == tuple(str(number) for number in range(len(arriving)))


@given(st.lists(st.tuples(st.sampled_from(["insert", "remove"]), st.integers(0, 30)), max_size=60))
def test_it_is_what_a_list_does_with_insertions_and_removals(steps: list[tuple[str, int]]) -> None:
    order, model = ItemOrder(), list[str]()
    for made, (what, pick) in enumerate(steps):
        if what == "insert":
            place = pick % (len(model) + 1)
            order.place(f"i{made}", after=model[place - 1] if place else None)
            model.insert(place, f"i{made}")
        elif model:
            order.remove(model.pop(pick % len(model)))
        assert len(order) == len(model)
        if pick % 3 == 0:
            assert order.ids == tuple(model)
    assert order.ids == tuple(model)
    assert all(item_id in order for item_id in model)


def test_an_item_without_its_predecessor_stands_at_the_end_until_that_comes() -> None:
    order = ItemOrder()
    order.place("a", after=None)
    order.place("d", after="c")
    order.place("e", after="d")
    order.place("b", after="a")
    assert list(order.ids) == ["a", "b", "d", "e"]
    order.place("z", after="b")
    order.place("c", after="a")
    assert list(order.ids) == ["a", "c", "d", "e", "b", "z"]


def test_what_comes_behind_a_deleted_item_still_finds_its_place() -> None:
    order = ItemOrder()
    for item_id, after in chain(3):
        order.place(item_id, after=after)
    order.remove("1")
    order.remove("1")
    order.place("late", after="1")
    assert list(order.ids) == ["0", "late", "2"]
    order.append("last")
    assert list(order.ids) == ["0", "late", "2", "last"]


def test_an_item_can_come_back_to_another_place() -> None:
    order = ItemOrder()
    for item_id, after in chain(3):
        order.place(item_id, after=after)
    order.remove("0")
    order.place("0", after="2")
    assert list(order.ids) == ["1", "2", "0"]


def test_items_that_name_each_other_are_not_lost() -> None:
    order = ItemOrder()
    order.place("a", after=None)
    order.place("b", after="c")
    order.place("c", after="b")
    order.place("d", after="d")
    assert list(order.ids) == ["a", "b", "c", "d"]
    order.place("e", after="c")
    assert list(order.ids) == ["a", "b", "c", "e", "d"]


def test_places_of_deleted_items_are_kept_while_they_are_no_more_than_the_others_and_32() -> None:
    order = ItemOrder()
    places: list[int] = []
    for number in range(200):
        order.append(str(number))
        if number >= 10:
            order.remove(str(number - 10))
        assert len(order.ids) == min(number + 1, 10)
        places.append(order.places)
    # The one that is one too many goes with all others, when the order is read for the next item.
    assert places[: 10 + 43] == [*range(1, 11), *range(11, 53), 10]
    assert max(places) == 52


def test_a_deleted_place_is_kept_while_an_item_is_missing() -> None:
    order = ItemOrder()
    order.place("late", after="missing")
    for number in range(100):
        order.place(str(number), after=str(number - 1) if number else None)
        order.remove(str(number))
        assert order.ids == ("late",)
    assert order.places == 1 + 100 + 1
    order.place("missing", after="99")
    assert (order.ids, order.places) == (("missing", "late"), 2)
