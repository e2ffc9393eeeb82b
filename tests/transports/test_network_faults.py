from __future__ import annotations

import errno
import socket
import ssl

import pytest

from duologue.transports.network_faults import network_failure

URL = "wss://voice.example/v1/realtime"


def tls_error(reason: str) -> ssl.SSLError:
    """An error as OpenSSL reports it."""
    fault = ssl.SSLError(1, f"[SSL: {reason}] something (_ssl.c:1006)")
    fault.reason = reason
    return fault


def certificate_error(code: int, message: str = "m") -> ssl.SSLCertVerificationError:
    """An error of a certificate."""
    fault = ssl.SSLCertVerificationError(1, "certificate verify failed")
    fault.verify_code, fault.verify_message = code, message
    return fault


@pytest.mark.parametrize(
    ("fault", "sentence", "retryable"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "no server listens on port 443", True),
        (
            OSError("Multiple exceptions: [Errno 111] Connect call failed, [Errno 111] Connect"),
            "connection refused",
            True,
        ),
        (
            OSError("Multiple exceptions: [Errno 101] Connect call failed, [Errno 111] Connect"),
            "no server listens",
            True,
        ),
        (OSError(errno.ENETUNREACH, "x"), "no way to that network", True),
        (OSError(errno.EHOSTUNREACH, "x"), "no way leads to that host", True),
        (TimeoutError(errno.ETIMEDOUT, "x"), "does not answer on port 443", True),
        (ConnectionResetError(errno.ECONNRESET, "x"), "was reset.*servers without TLS do so, and want ws://", True),
        (OSError(errno.EMFILE, "x"), "too many open files", True),
        (OSError(errno.EACCES, "x"), "a firewall or a sandbox", True),
        (OSError(9999, "Some {new}\nthing"), "Some {new} thing$", True),
        (OSError(), "OSError", True),
        (socket.gaierror(socket.EAI_NONAME, "x"), "the name voice.example is not known", True),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "DNS does not answer", True),
        (socket.gaierror(-9999, "x"), "DNS has no address", True),
        (certificate_error(10), "certificate is not accepted: it has expired", False),
        (certificate_error(18), "signed by itself.*ssl=", False),
        (certificate_error(19), "chain ends in an authority that is not trusted here", False),
        (certificate_error(62), "issued for other names than voice.example", False),
        (certificate_error(92, "CA cert does not include key usage extension"), "key usage.*OpenSSL 92.*ssl=", False),
        (tls_error("WRONG_VERSION_NUMBER"), "speaks no TLS: write ws://", False),
        (tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "it wants a certificate of yours", False),
        (
            tls_error("TLSV1_ALERT_PROTOCOL_VERSION"),
            "no TLS connection came about: tlsv1 alert protocol version",
            False,
        ),
        (ssl.SSLEOFError(8, "EOF"), "closed during the TLS handshake; servers without TLS do so", True),
    ],
)
def test_each_fault_has_its_sentence(fault: OSError, sentence: str, retryable: bool) -> None:
    failure = network_failure(URL, fault)
    assert failure.retryable is retryable
    with pytest.raises(type(failure), match=f"^cannot reach {URL}: .*{sentence}"):
        raise failure


def test_a_reset_without_tls_is_no_doubt_about_a_server_with_which_tls_was_agreed_on() -> None:
    reset = ConnectionResetError(errno.ECONNRESET, "x")
    assert "TLS" not in str(network_failure(URL, reset, is_connected=True))
    assert "want wss://" in str(network_failure("ws://voice.example:8000", reset))


def test_another_name_can_stand_for_the_url() -> None:
    fault = network_failure("http://proxy:3128", ConnectionRefusedError(errno.ECONNREFUSED, "x"), name="the proxy")
    assert str(fault) == "cannot reach the proxy: connection refused: no server listens on port 3128 there"
