"""What a certificate says."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from duologue.cli.doctor.certificate import Certificate, read_certificate
from tests._certificates import Authority


def der_of(folder: Path, *names: str, signed_by_itself: bool = False) -> bytes:
    authority = Authority(folder)
    authority.server_context(*names, signed_by_itself=signed_by_itself)
    (file,) = folder.glob("server-*.pem")
    pem = file.read_text(encoding="ascii").partition("-----BEGIN EC")[0].partition("-----BEGIN PRIVATE")[0]
    return ssl.PEM_cert_to_DER_cert(pem)


def test_names_dates_and_issuer_are_read(tmp_path: Path) -> None:
    certificate = read_certificate(der_of(tmp_path, "a.example", "127.0.0.1", "*.b.example"))
    assert certificate is not None
    assert certificate.names == ("a.example", "127.0.0.1", "*.b.example")
    assert (certificate.subject, certificate.issuer) == ("a.example", "An authority of tests")
    assert not certificate.is_signed_by_itself
    now = datetime.now(UTC)
    assert timedelta(hours=23) < now - certificate.not_before < timedelta(hours=25)
    assert timedelta(hours=23) < certificate.not_after - now < timedelta(hours=25)


def test_one_that_is_signed_by_itself_says_so(tmp_path: Path) -> None:
    certificate = read_certificate(der_of(tmp_path, "a.example", signed_by_itself=True))
    assert certificate is not None
    assert certificate.is_signed_by_itself


@given(st.binary(max_size=200))
def test_other_bytes_are_none(content: bytes) -> None:
    assert read_certificate(content) is None


def test_too_long_is_none() -> None:
    assert read_certificate(bytes(70_000)) is None


def test_any_damage_is_none_or_a_certificate(tmp_path: Path) -> None:
    der = der_of(tmp_path, "a.example", "127.0.0.1")
    for at in range(len(der)):
        for value in (0, der[at] ^ 1, der[at] ^ 0x80, 255):
            damaged = der[:at] + bytes([value]) + der[at + 1 :]
            assert isinstance(read_certificate(damaged), Certificate | None)
    for length in range(len(der)):
        assert read_certificate(der[:length]) is None
