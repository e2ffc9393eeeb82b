from __future__ import annotations

import sys

import pytest

from duologue.errors import EngineError, LocalProtocolError, MissingExtra
from duologue.transports.webrtc.stacks import DEFAULT_STACK, STACKS, load_stack


def test_stacks_are_loaded_by_name() -> None:
    assert load_stack().name == DEFAULT_STACK == STACKS[0] == "wrtc"
    assert [load_stack(name).name for name in STACKS] == list(STACKS)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(LocalProtocolError, match="wrtc, aiortc"):
        load_stack("pion")


def test_without_its_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "webrtc", None)
    with pytest.raises(MissingExtra, match=r"pip install 'duologue\[webrtc\]'") as caught:
        load_stack()
    assert caught.value.extra == "webrtc"


def test_without_aiortc_its_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiortc", None)
    for name in ("aiortc_peer", "aiortc_voice"):
        monkeypatch.delitem(sys.modules, f"duologue.transports.webrtc.{name}", raising=False)
    with pytest.raises(EngineError, match="pip install aiortc"):
        load_stack("aiortc")
