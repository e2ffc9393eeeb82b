"""The Helm chart: what Helm has made of it, read as Kubernetes would."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from duologue import __version__
from duologue.server import limits_of
from tests.deploy._chart import CASES, digest, render, rendered
from tests.deploy._options import check_variables
from tests.deploy._site import DEPLOY

_ENDING_S = 8
"""What a server gives sessions, after drain_s, before it is killed."""


def objects(case: str) -> dict[str, list[dict[str, Any]]]:
    """All objects of a rendering, by kind."""
    found: dict[str, list[dict[str, Any]]] = {}
    for each in yaml.safe_load_all(rendered(case)):
        found.setdefault(each["kind"], []).append(each)
    return found


def pod(case: str) -> dict[str, Any]:
    spec: dict[str, Any] = objects(case)["Deployment"][0]["spec"]["template"]["spec"]
    return spec


def environment(case: str) -> dict[str, str]:
    return {each["name"]: each["value"] for each in pod(case)["containers"][0]["env"]}


@pytest.mark.parametrize("case", list(CASES))
def test_the_renderings_are_those_of_this_chart(case: str) -> None:
    made = f"# Made by python -m tests.deploy._chart of {digest()}"
    assert rendered(case).splitlines()[0] == made, "install helm-python-sdk somewhere, and run it there"
    if find_spec("helm_python") is not None:
        assert rendered(case) == render(case)


@pytest.mark.parametrize("case", list(CASES))
def test_the_server_takes_the_options_that_a_pod_gives_it(case: str) -> None:
    given = environment(case)
    check_variables(given)
    limits, _ = limits_of(given["DUOLOGUE_LIMIT"].split(","))
    assert limits.sessions == limits.max_sessions_per_owner == 200


@pytest.mark.parametrize("case", list(CASES))
def test_kubernetes_waits_longer_than_a_drain_takes(case: str) -> None:
    spec = pod(case)
    container = spec["containers"][0]
    (program, seconds) = container["lifecycle"]["preStop"]["exec"]["command"]
    limits, _ = limits_of(environment(case)["DUOLOGUE_LIMIT"].split(","))
    assert program == "sleep"
    assert spec["terminationGracePeriodSeconds"] > int(seconds) + limits.drain_s + _ENDING_S
    probe = container["readinessProbe"]
    assert int(seconds) >= probe["periodSeconds"] * probe["failureThreshold"]


@pytest.mark.parametrize("case", list(CASES))
def test_every_selector_finds_the_pods(case: str) -> None:
    kinds = objects(case)
    labels = kinds["Deployment"][0]["spec"]["template"]["metadata"]["labels"].items()
    selectors = [
        *(each["spec"]["selector"] for each in kinds["Service"]),
        *(each["spec"]["selector"]["matchLabels"] for each in kinds["Deployment"] + kinds["PodDisruptionBudget"]),
        *(each["spec"]["podSelector"]["matchLabels"] for each in kinds.get("NetworkPolicy", [])),
    ]
    assert selectors
    assert all(selector.items() <= labels for selector in selectors)


@pytest.mark.parametrize("case", list(CASES))
def test_a_pod_has_no_rights_that_it_does_not_need(case: str) -> None:
    spec = pod(case)
    container = spec["containers"][0]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_servers_are_added_by_open_sessions_which_are_scraped_until_a_pod_ends() -> None:
    kinds = objects("everything")
    trigger = kinds["ScaledObject"][0]["spec"]["triggers"][0]["metadata"]
    assert (trigger["query"].split("{")[0], trigger["threshold"]) == ("sum(duologue_sessions_open", "120")
    scraped = next(each for each in kinds["Service"] if f'service="{each["metadata"]["name"]}"' in trigger["query"])
    assert scraped["spec"]["publishNotReadyAddresses"] is True
    monitor = kinds["ServiceMonitor"][0]["spec"]
    assert monitor["selector"]["matchLabels"].items() <= scraped["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["authorization"]["credentials"] == {"name": "duologue", "key": "metrics"}
    assert "replicas" not in kinds["Deployment"][0]["spec"], "two would set it"


def test_what_stands_in_front_reaches_neither_figures_nor_the_drain() -> None:
    rule = objects("everything")["Ingress"][0]["spec"]["rules"][0]["http"]
    paths = [each["path"] for each in rule["paths"]]
    for inside in ("/metrics", "/v1/admin/drain"):
        assert not any(f"{inside}/".startswith(f"{path}/") for path in paths)


def test_the_chart_is_of_this_version_and_its_schema_is_one() -> None:
    chart = yaml.safe_load((DEPLOY / "helm/Chart.yaml").read_text(encoding="utf-8"))
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)
    schema = json.loads((DEPLOY / "helm/values.schema.json").read_text(encoding="utf-8"))
    values = yaml.safe_load((DEPLOY / "helm/values.yaml").read_text(encoding="utf-8"))
    assert set(schema["properties"]) <= set(values)
