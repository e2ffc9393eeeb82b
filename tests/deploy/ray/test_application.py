"""What Ray Serve is given to run. What comes of it: `test_command.py`."""

from __future__ import annotations

import pytest

from duologue.deploy.ray import SpeechTier, application, speech_application
from duologue.deploy.ray.environment import IN_PLACE
from duologue.errors import DuologueError
from duologue.server import Limits
from tests.deploy.ray._cluster import needs_ray


def _set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RAY_SERVE_ENABLE_HA_PROXY": "1", **IN_PLACE}.items():
        monkeypatch.setenv(name, value)


def test_it_is_not_made_for_an_environment_that_would_cut_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    _set_up(monkeypatch)
    with pytest.raises(DuologueError, match="DRAINING_PERIOD_S=3600 or more"):
        application(limits=Limits(drain_s=3600))


@pytest.mark.slow
@needs_ray
@pytest.mark.filterwarnings("ignore")  # Ray's own, of what it uses of other packages
def test_it_has_a_deployment_for_sessions_and_one_for_each_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    _set_up(monkeypatch)
    speech = SpeechTier(replicas=2, gpus=0.5)
    made = application(replicas=(2, 5), limits=Limits(sessions=100), speech=speech)._bound_deployment
    assert made.name == "sessions"
    assert made.max_ongoing_requests == 100
    assert made._deployment_config.autoscaling_config.target_ongoing_requests == 60
    engines = [each._bound_deployment for each in made.init_args]
    assert [(each.name, each.num_replicas) for each in engines] == [("transcriber", 2), ("synthesizer", 2)]
    assert all(each.ray_actor_options["num_gpus"] == 0.5 for each in engines)
    assert speech_application(speech)._bound_deployment.name == "speech"
