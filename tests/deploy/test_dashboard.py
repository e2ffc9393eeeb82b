"""The dashboard shows metrics that there are, all of them, in panels that do not overlap."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

from tests.deploy._metrics import DEPLOY, check_expression, printed_samples

BOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "duologue.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = BOARD["panels"]
GRAPHS = [panel for panel in PANELS if panel["type"] != "row"]


def test_every_query_uses_metrics_and_labels_that_a_server_prints() -> None:
    for panel in GRAPHS:
        for target in panel["targets"]:
            check_expression(target["expr"])
            for variable in ("job", "instance"):
                assert f'{variable}=~"${variable}"' in target["expr"], panel["title"]


def test_every_metric_is_on_it() -> None:
    shown = {name for panel in GRAPHS for target in panel["targets"] for name in check_expression(target["expr"])}
    families = {name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum") for name in shown}
    printed = {name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum") for name in printed_samples()}
    assert printed - families == set()


def test_legends_name_labels_that_their_query_keeps() -> None:
    for panel in GRAPHS:
        for target in panel["targets"]:
            for label in target["legendFormat"].split("{{")[1:]:
                assert f"by ({label.partition('}}')[0]}" in target["expr"], panel["title"]


def test_panels_have_ids_units_and_words_and_stand_beside_each_other() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    for panel in GRAPHS:
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    for one, other in combinations((panel["gridPos"] for panel in PANELS), 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y


def test_any_prometheus_can_be_chosen() -> None:
    variables = {each["name"]: each for each in BOARD["templating"]["list"]}
    assert list(variables) == ["datasource", "job", "instance"]
    for panel in GRAPHS:
        assert panel["datasource"]["uid"] == "${datasource}"
    assert BOARD["uid"] == "duologue"
    assert "id" not in BOARD  # Grafana gives it; one that is there already would be overwritten
