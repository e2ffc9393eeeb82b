from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from duologue import connect
from duologue.errors import DuologueError
from duologue.server import tls_context
from tests.server._listening import listening, scripted_app
from tests.server._talking import until


def write_certificate(folder: Path, name: str = "server", *, password: bytes | None = None) -> tuple[Path, Path]:
    """A certificate for this machine, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / f"{name}.crt", folder / f"{name}.key"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    encryption = serialization.NoEncryption() if password is None else serialization.BestAvailableEncryption(password)
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    return cert_file, key_file


async def test_a_session_over_tls(tmp_path: Path) -> None:
    cert, key = write_certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=str(cert))
    app = scripted_app()
    async with listening(app, tls=tls_context(cert, key)) as url:
        assert url.startswith("wss://127.0.0.1:")
        async with connect(url, ssl=trusting) as connection:
            await until(connection, "session.created")


def test_one_file_may_hold_both(tmp_path: Path) -> None:
    cert, key = write_certificate(tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    tls_context(both)


def test_what_is_wrong_with_the_files_is_one_sentence(tmp_path: Path) -> None:
    cert, key = write_certificate(tmp_path)
    _, other_key = write_certificate(tmp_path, "other")
    _, locked_key = write_certificate(tmp_path, "locked", password=b"sesame")
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("hello", encoding="utf-8")
    for files, sentence in (
        ((tmp_path / "nowhere.crt", key), "cannot read .*nowhere.crt: No such file or directory"),
        ((cert, tmp_path), "cannot read .*: Is a directory"),
        ((cert, other_key), "cannot serve with .*server.crt and .*other.key: the key belongs to another certificate"),
        ((cert, locked_key), "cannot serve with .*locked.key: .*encrypted"),
        ((nonsense, key), "cannot serve with .*nonsense.pem and .*: no certificate and key in PEM form"),
        ((cert, None), "cannot serve with .*server.crt: no certificate and key in PEM form"),
    ):
        with pytest.raises(DuologueError, match=sentence):
            tls_context(*files)
