"""The HTTP side of the server, put together."""

from __future__ import annotations

import sys

import pytest

from duologue.errors import MissingExtra
from duologue.server import RealtimeApp


def test_without_starlette_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("starlette", "duologue.server.http.routes"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette", None)
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    with pytest.raises(MissingExtra, match=r"duologue\[server\]"):
        RealtimeApp()
