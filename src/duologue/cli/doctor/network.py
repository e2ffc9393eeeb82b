"""The steps below HTTP: the host's name, TCP, TLS."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from duologue.cli.doctor.certificate import Certificate, read_certificate
from duologue.cli.doctor.step_result import StepOutcome, StepResult
from duologue.cli.doctor.target import DoctorTarget
from duologue.clock import loop_time, unix_time, waiting_for_thread
from duologue.errors import ConnectFailed
from duologue.transports.addresses import without_secrets
from duologue.transports.http_exchange import open_stream
from duologue.transports.network_faults import network_problem

__all__ = ["connect_step", "name_step", "plain_step", "tls_step"]

_MAX_ADDRESSES: Final = 8
"""Of one name: services have two or four of each kind."""

_ATTEMPT_SHARE: Final = 0.8
"""Of a step's time for one address: the row must be made before the step is out of time."""

_SOON: Final = timedelta(days=14)
"""Before the end of a certificate: renewing services renew 30 days ahead, so this one was forgotten."""

_MAX_NAMES: Final = 4
"""Of a certificate, in a sentence."""

_REMEDIES: Final[Mapping[int, str]] = {
    9: "set the clock of this machine, or wait until the certificate is valid",
    10: "have the certificate renewed by those who run the server; look at this machine's clock too",
    18: "if the server is yours, trust its certificate: SSL_CERT_FILE=server.pem duologue doctor …",
    19: "if you know the authority, trust it: SSL_CERT_FILE=authority.pem duologue doctor …",
    20: "have the server send its whole chain (fullchain.pem), or trust its authority: SSL_CERT_FILE=authority.pem",
    21: "have the server send its whole chain (fullchain.pem), or trust its authority: SSL_CERT_FILE=authority.pem",
    62: "connect by a name that the certificate is for, or have one made for {host}",
    64: "connect by a name or an address that the certificate is for, or have one made for {host}",
}
"""By `X509_V_ERR_…` of OpenSSL (`x509_vfy.h`)."""


async def name_step(target: DoctorTarget) -> tuple[StepResult, list[str]]:
    """Look the host up, or the proxy that leads to it; the addresses are returned too."""
    host, port = _first_hop(target)
    what = f"the proxy {host}, which leads to {target.host}" if target.proxy is not None else host
    tried = f"look up {what}"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return StepResult(step="name", outcome="skipped", tried=tried, happened="it is an address already"), [host]
    try:
        found = await _looked_up(host, port)
    except OSError as fault:
        told = network_problem(fault, host=host, port=port)
        remedy = "check the spelling and the DNS of this machine: nslookup " + host
        return StepResult(step="name", outcome="failed", tried=tried, happened=told, remedy=remedy), []
    addresses = list(dict.fromkeys(found))[:_MAX_ADDRESSES]
    happened = f"it is {' and '.join(addresses)}"
    return StepResult(step="name", outcome="ok", tried=tried, happened=happened, facts={"addresses": addresses}), (
        addresses
    )


async def connect_step(target: DoctorTarget, addresses: list[str]) -> tuple[StepResult, str | None]:
    """Connect to each of the addresses; the first one, in the order of DNS, that takes connections is returned too."""
    _, port = _first_hop(target)
    what = "the proxy's port" if target.proxy is not None else "port"
    tried = f"connect to {what} {port} of {' and '.join(addresses)}"
    within_s = target.step_s * _ATTEMPT_SHARE
    attempts = await asyncio.gather(*(_attempt(each, port, within_s) for each in addresses))
    took = {each.address: round(each.took_s * 1000) for each in attempts if each.took_s is not None}
    faults = {each.address: each.fault for each in attempts if each.took_s is None}
    facts = {"open_ms": took, "failed": faults}

    def row(outcome: StepOutcome, happened: str, remedy: str = "") -> StepResult:
        return StepResult(step="tcp", outcome=outcome, tried=tried, happened=happened, remedy=remedy, facts=facts)

    if not took:
        return row("failed", "; ".join(dict.fromkeys(faults.values())), _tcp_remedy(target)), None
    first = next(iter(took))
    happened = f"connected after {took[first]} ms" + (f" ({first})" if len(addresses) > 1 else "")
    if not faults:
        return row("ok", happened), first
    failed = "; ".join(f"{address}: {why}" for address, why in faults.items())
    remedy = "take these addresses out of DNS, or have the server listen there: clients may try them first, and wait"
    return row("note", f"{happened}; not to {failed}", remedy), first


async def tls_step(target: DoctorTarget, address: str | None) -> StepResult:
    """Agree on TLS, and read the certificate. Raises ConnectFailed if the connection under it is not there any more."""
    tried = f"agree on TLS, and verify the certificate for {target.host}"
    direct = address if target.proxy is None else None
    try:
        async with open_stream(target.session_url, proxy=target.proxy, address=direct) as (_, writer):
            encrypted = writer.get_extra_info("ssl_object")
            version, certificate = str(encrypted.version()), read_certificate(encrypted.getpeercert(True) or b"")
    except ssl.SSLCertVerificationError as fault:
        return await _refused_certificate(target, fault, tried, direct)
    except OSError as fault:
        told = network_problem(fault, host=target.host, port=target.port).partition(": write ws")[0]
        host = target.session_url.partition("://")[2].partition("/")[0].rpartition("@")[2]
        remedy = f"if the server has no TLS on this port: ws://{host}; otherwise look at its TLS settings"
        return StepResult(step="tls", outcome="failed", tried=tried, happened=told, remedy=remedy)
    facts = {"version": version, **_facts(certificate)}
    happened = f"{version.replace('TLSv', 'TLS ')}; {_told(certificate)}"
    if certificate is not None and certificate.not_after - _now() < _SOON:
        remedy = "have the certificate renewed before that day; the renewal that should have come did not"
        return StepResult(step="tls", outcome="note", tried=tried, happened=happened, remedy=remedy, facts=facts)
    return StepResult(step="tls", outcome="ok", tried=tried, happened=happened, facts=facts)


def plain_step(target: DoctorTarget, address: str) -> StepResult | None:
    """What is to be said of a connection without TLS: something only where a key leaves private networks."""
    if target.endpoint.api_key is None or not ipaddress.ip_address(address.partition("%")[0]).is_global:
        return None
    happened = "nothing is encrypted: who is on the way can read the key, and listen"
    remedy = f"write wss://{target.host}, and have the server or a proxy before it speak TLS"
    return StepResult(step="tls", outcome="note", tried="see whether it is encrypted", happened=happened, remedy=remedy)


async def _refused_certificate(
    target: DoctorTarget, fault: ssl.SSLCertVerificationError, tried: str, direct: str | None
) -> StepResult:
    """Read the certificate without accepting it: nothing but its own text is read over that connection."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    certificate: Certificate | None = None
    with suppress(OSError, ConnectFailed):  # the refusal is told all the same
        stream = open_stream(target.session_url, proxy=target.proxy, address=direct, context=context)
        async with stream as (_, writer):
            certificate = read_certificate(writer.get_extra_info("ssl_object").getpeercert(True) or b"")
    told = f"the certificate is not accepted: {fault.verify_message.rstrip('.')}"
    if certificate is not None:
        told += f"; {_told(certificate)}"
    remedy = _REMEDIES.get(fault.verify_code, "have a certificate made that this machine accepts")
    facts = {"verify_code": fault.verify_code, **_facts(certificate)}
    return StepResult(
        step="tls", outcome="failed", tried=tried, happened=told, remedy=remedy.format(host=target.host), facts=facts
    )


def _told(certificate: Certificate | None) -> str:
    if certificate is None:
        return "the certificate could not be read"
    names = certificate.names or ((certificate.subject,) if certificate.subject else ())
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    signed = "itself" if certificate.is_signed_by_itself else certificate.issuer or "an authority without a name"
    days = (certificate.not_after - _now()).days
    until = f"{certificate.not_after:%Y-%m-%d}" + (f" ({days} {'day' if days == 1 else 'days'})" if days >= 0 else "")
    return (
        f"it is for {', '.join(names[:_MAX_NAMES]) or 'no name'}{more}, signed by {signed}, valid from"
        f" {certificate.not_before:%Y-%m-%d} to {until}"
    )


def _facts(certificate: Certificate | None) -> dict[str, Any]:
    if certificate is None:
        return {}
    return {
        "names": list(certificate.names),
        "issuer": certificate.issuer,
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
    }


def _now() -> datetime:
    return datetime.fromtimestamp(unix_time(), UTC)


def _first_hop(target: DoctorTarget) -> tuple[str, int]:
    if target.proxy is None:
        return target.host, target.port
    parts = urlsplit(target.proxy)
    return parts.hostname or "", parts.port or {"https": 443, "socks5": 1080, "socks5h": 1080}.get(parts.scheme, 80)


def _tcp_remedy(target: DoctorTarget) -> str:
    if target.proxy is not None:
        return f"check the proxy {without_secrets(target.proxy)}, which HTTPS_PROXY or a setting of this machine names"
    if target.host in ("localhost", "127.0.0.1", "::1"):
        return f"start the server, or name its port: duologue serve --port {target.port}"
    return (
        f"check that the server runs and listens on port {target.port} for other machines (--host 0.0.0.0), and that"
        " no firewall is between"
    )


class _Attempt(NamedTuple):
    address: str
    took_s: float | None
    """Until there was a connection; None: there was none."""
    fault: str = ""


async def _attempt(address: str, port: int, within_s: float) -> _Attempt:
    began = loop_time()
    try:
        async with asyncio.timeout(within_s):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError as fault:
        late = f"no answer within {within_s:g} s: the host is down, or a firewall drops what is sent"
        return _Attempt(address, None, late if fault.errno is None else network_problem(fault, host=address, port=port))
    except OSError as fault:
        return _Attempt(address, None, network_problem(fault, host=address, port=port))
    took_s = loop_time() - began
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()
    return _Attempt(address, took_s)


async def _looked_up(host: str, port: int) -> list[str]:
    """The addresses of a name. In a thread that nothing waits for: a resolver may take minutes.

    Raises:
        OSError: there is none.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def give(addresses: list[str], fault: OSError | None) -> None:
        if answer.done():
            return
        if fault is None:
            answer.set_result(addresses)
        else:
            answer.set_exception(fault)

    def look() -> None:
        addresses: list[str] = []
        problem: OSError | None = None
        try:
            addresses = [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as fault:
            problem = fault if isinstance(fault, OSError) else OSError("DNS allows no such name")
        with suppress(RuntimeError):  # the loop is closed: the step was out of time
            loop.call_soon_threadsafe(give, addresses, problem)

    threading.Thread(target=look, name="duologue-doctor-name", daemon=True).start()
    with waiting_for_thread():
        return await answer
