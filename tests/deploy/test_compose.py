"""`deploy/compose.yaml`: its form, as far as it uses it, and that its parts fit together."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec
import yaml  # type: ignore[import-untyped]
from msgspec import Struct

from duologue.server import limits_of
from tests.deploy._options import check_variables
from tests.deploy._site import DEPLOY

_ENDING_S = 8
"""What a server gives sessions, after drain_s, before it is killed."""


class _Form(Struct, forbid_unknown_fields=True):
    """Of the Compose specification, what the file uses; a wrong name of a key is an error."""


class _Build(_Form):
    context: str
    dockerfile: str


class _Healthcheck(_Form):
    test: list[str]
    interval: str
    timeout: str
    retries: int


class _Condition(_Form):
    condition: Literal["service_healthy"]


class _Mounted(_Form):
    source: str
    target: str


class _Address(_Form):
    ipv4_address: str


class _Service(_Form):
    image: str
    networks: list[str] | dict[str, _Address]
    restart: Literal["unless-stopped"]
    build: _Build | None = None
    command: list[str] | None = None
    environment: dict[str, str] = {}
    ports: list[str] = []
    volumes: list[str] = []
    configs: list[_Mounted] = []
    depends_on: dict[str, _Condition] = {}
    healthcheck: _Healthcheck | None = None
    stop_grace_period: str = "10s"
    read_only: bool = False
    cap_drop: list[str] = []
    security_opt: list[str] = []
    tmpfs: list[str] = []


class _Config(_Form):
    environment: str


class _Subnet(_Form):
    subnet: str


class _Ipam(_Form):
    config: list[_Subnet]


class _Network(_Form):
    ipam: _Ipam


class _File(_Form):
    name: str
    services: dict[str, _Service]
    networks: dict[str, _Network]
    volumes: dict[str, dict[str, str]]
    configs: dict[str, _Config]


def compose() -> _File:
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return msgspec.convert({name: part for name, part in read.items() if not name.startswith("x-")}, _File)


def servers(file: _File) -> dict[str, _Service]:
    return {name: service for name, service in file.services.items() if service.image == file.name}


def test_what_the_services_name_is_there() -> None:
    file = compose()
    assert list(servers(file)) == ["server-1", "server-2"]
    for service in file.services.values():
        assert set(service.depends_on) <= set(file.services)
        assert set(service.networks) <= set(file.networks)
        assert {each.source for each in service.configs} <= set(file.configs)
        for volume in service.volumes:
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in file.volumes
        if service.build is not None:
            assert (DEPLOY / service.build.context / service.build.dockerfile).resolve() == DEPLOY / "Dockerfile"
        assert all(file.services[name].healthcheck for name in service.depends_on), "its health is waited for"


def test_the_servers_take_their_options_and_end_before_they_are_killed() -> None:
    for service in servers(compose()).values():
        check_variables(service.environment)
        limits, _ = limits_of(service.environment["DUOLOGUE_LIMIT"].split(","))
        assert service.stop_grace_period.endswith("s")
        assert int(service.stop_grace_period[:-1]) > limits.drain_s + _ENDING_S
        assert limits.max_sessions_per_owner == limits.sessions, "all clients may share the one key"


def test_the_address_that_the_servers_trust_is_the_proxy_s_and_only_the_proxy_is_reached() -> None:
    file = compose()
    networks = file.services["haproxy"].networks
    assert isinstance(networks, dict)
    address = networks["inside"].ipv4_address
    assert {each.environment["FORWARDED_ALLOW_IPS"] for each in servers(file).values()} == {address}
    assert {name: each.ports for name, each in file.services.items() if each.ports} == {
        "haproxy": ["8000:8000"],
        "prometheus": ["127.0.0.1:9090:9090"],
    }


def test_the_proxies_and_prometheus_know_the_same_servers() -> None:
    names = list(servers(compose()))
    for path in ("proxies/haproxy.cfg", "prometheus/prometheus.yml", "proxies/nginx.conf", "proxies/Caddyfile"):
        text = (DEPLOY / path).read_text(encoding="utf-8")
        assert sorted(set(re.findall(r"\bserver-\d+(?=:8000)", text))) == names


def test_no_secret_stands_in_the_file() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    for name in ("DUOLOGUE_API_KEY", "DUOLOGUE_SECRET"):
        assert re.findall(rf"^ *{name}: (.*)$", text, re.MULTILINE)[0].startswith(f"${{{name}:?")
