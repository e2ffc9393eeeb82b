"""Five alerts, of metrics that there are; Prometheus's own tool raises each, and none where all is well."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from duologue.server.rejections import REJECTIONS
from tests.deploy._metrics import DEPLOY, check_expression

ALERTS = DEPLOY / "prometheus" / "alerts.yaml"
RULES: list[dict[str, Any]] = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_uses_metrics_and_labels_that_a_server_prints_and_says_what_to_do(rule: dict[str, Any]) -> None:
    assert check_expression(rule["expr"])
    assert rule["for"].endswith("m")
    assert rule["labels"] == {"severity": "page"}
    assert set(rule["annotations"]) == {"summary", "description"}
    for metric in rule["annotations"].values():
        check_expression(" ".join(f"{word.rstrip(',.:')} " for word in metric.split() if word.endswith("_total")))


def test_there_are_five() -> None:
    assert [rule["alert"] for rule in RULES] == [
        "DuologueDown",
        "DuologueTurnsCallersAway",
        "DuologueEnginesFail",
        "DuologueAnswersLate",
        "DuologueSessionsBreak",
    ]


def test_callers_who_are_turned_away_for_a_reason_of_the_servers_raise_an_alert() -> None:
    rule = next(rule for rule in RULES if rule["alert"] == "DuologueTurnsCallersAway")
    reasons = {reason for found in re.findall(r'reason=~"([^"]+)"', rule["expr"]) for reason in found.split("|")}
    ours = {name for name, row in REJECTIONS.items() if row.type == "server_error"}
    assert reasons == ours - {"draining"}  # those of a server that is replaced go to another one


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed: Debian's package prometheus")
def test_prometheus_raises_each_of_them_and_none_where_all_is_well(tmp_path: Path) -> None:
    trial = (Path(__file__).parent / "alerts_test.yaml").read_text(encoding="utf-8")
    (tmp_path / "trial.yaml").write_text(trial.replace("ALERTS]", f"{ALERTS}]", 1), encoding="utf-8")
    ran = subprocess.run(
        ["promtool", "test", "rules", tmp_path / "trial.yaml"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
