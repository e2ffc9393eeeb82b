"""What Helm makes of the chart. `python -m tests.deploy._chart` renders it anew, with `helm-python-sdk` installed.

Helm itself is no dependency of the tests: they read what it has made, and know by a digest whether that is out of date.
"""

from __future__ import annotations

import importlib
import sys
from hashlib import sha256
from typing import Any, Final

from tests.repo._tree import ROOT

__all__ = ["CASES", "digest", "render", "rendered"]

CHART: Final = ROOT / "deploy" / "helm"
FOLDER: Final = ROOT / "tests" / "deploy" / "rendered"

CASES: Final[dict[str, dict[str, Any]]] = {
    "default": {},
    "everything": {
        "drainSeconds": 1800,
        "preStopSeconds": 15,
        "limits": {"idle_s": 600, "max_memory_bytes": 4_294_967_296, "message_s": 7.5},
        "env": {"DUOLOGUE_LLM": "http://vllm:8000/v1", "DUOLOGUE_LLM_MODEL": "qwen3"},
        "envFrom": [{"secretRef": {"name": "duologue"}}],
        "shared": {"url": "redis://redis:6379/0"},
        "trustedProxies": "10.0.0.0/8",
        "imagePullSecrets": [{"name": "registry"}],
        "podAnnotations": {"example.com/team": "voice"},
        "ingress": {"enabled": True, "tlsSecret": "voice-tls"},
        "autoscaling": {"enabled": True},
        "serviceMonitor": {"labels": {"release": "prometheus"}, "keySecret": {"name": "duologue", "key": "metrics"}},
        "networkPolicy": {
            "enabled": True,
            "egress": [{"to": [{"podSelector": {"matchLabels": {"app": "redis"}}}], "ports": [{"port": 6379}]}],
        },
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [{"key": "voice", "operator": "Exists"}],
        "affinity": {},
    },
}
"""Values of each rendering."""


def digest() -> str:
    """Of the chart and the values, as the first line of a rendering names it."""
    whole = sha256(repr(CASES).encode())
    for path in sorted(path for path in CHART.rglob("*") if path.is_file()):
        whole.update(path.relative_to(CHART).as_posix().encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


def rendered(case: str) -> str:
    """As Helm has made it."""
    return (FOLDER / f"{case}.yaml").read_text(encoding="utf-8")


def render(case: str) -> str:
    """As Helm makes it now.

    Raises:
        ImportError: `helm-python-sdk`, which has Helm inside, is not installed.
    """
    helm: Any = importlib.import_module("helm_python")
    with helm.Chart.load(str(CHART)) as chart:
        chart.validate_schema(CASES[case])
        made: dict[str, str] = chart.render(CASES[case], name="voice", namespace="calls")
    parts = [
        f"# Source: {name}\n{text.strip()}\n"
        for name, text in sorted(made.items())
        if name.endswith(".yaml") and text.strip()
    ]
    return f"# Made by python -m tests.deploy._chart of {digest()}\n" + "".join(f"---\n{part}" for part in parts)


def main() -> int:
    """Write all renderings."""
    FOLDER.mkdir(exist_ok=True)
    for case in CASES:
        (FOLDER / f"{case}.yaml").write_text(render(case), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
