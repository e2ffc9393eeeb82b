"""What Ray's processes have to be told."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from duologue.deploy.ray.environment import IN_PLACE, check_environment, fallback_port, ray_module, suited_to
from duologue.errors import DuologueError

WITH_HAPROXY = {"RAY_SERVE_ENABLE_HA_PROXY": "1", **IN_PLACE}


def test_a_drain_gets_the_time_that_ray_gives_it() -> None:
    check_environment(WITH_HAPROXY, drain_s=25)
    with pytest.raises(DuologueError, match="DRAINING_PERIOD_S=60 or more"):
        check_environment(WITH_HAPROXY, drain_s=60)
    check_environment({**WITH_HAPROXY, "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "60"}, drain_s=60)
    with pytest.raises(DuologueError, match="DRAINING_PERIOD_S=25 or more"):
        check_environment({**WITH_HAPROXY, "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "soon"}, drain_s=25)


@pytest.mark.parametrize("name", sorted(WITH_HAPROXY))
def test_what_every_node_needs_is_named(name: str) -> None:
    with pytest.raises(DuologueError, match=f"^set {name}={WITH_HAPROXY[name]} in the environment of every node"):
        check_environment({**WITH_HAPROXY, name: "2"}, drain_s=25)


@pytest.mark.parametrize(("cores", "threads"), [(1, "1"), (2, "2"), (16, "4")])
def test_haproxy_gets_no_more_threads_than_there_are_cores(cores: int, threads: str) -> None:
    assert suited_to(cores) == {
        **IN_PLACE,
        "RAY_SERVE_HAPROXY_NBTHREAD": threads,
        "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
    }


def test_the_port_of_ray_s_own_proxy_is_the_one_that_ray_is_told() -> None:
    assert fallback_port({}) == 8500
    assert fallback_port({"RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": "8700"}) == 8700
    assert fallback_port({"RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": "none"}) == 8500


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_it_says_what_to_install() -> None:
    with pytest.raises(DuologueError, match=r"pip install 'ray\[serve\]>=2\.55'"):
        ray_module("ray.serve")
