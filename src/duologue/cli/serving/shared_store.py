"""The store that --shared names."""

from __future__ import annotations

from duologue.cli.errors import UsageError
from duologue.cli.serving.options import ServeOptions
from duologue.cli.serving.secret_files import key_of
from duologue.server import Limits
from duologue.server.shared.redis_store import RedisStore
from duologue.server.shared.sealing import MIN_SECRET_CHARACTERS

__all__ = ["shared_store"]


def shared_store(options: ServeOptions, limits: Limits) -> RedisStore | None:
    """The store, which connects at first use; None: this server shares nothing with other machines.

    Raises:
        MissingExtra: the extra `redis` is not installed.
        UsageError: the URL or the secret is missing, or is none. Quotes neither.
    """
    secret = key_of(options.secret, options.secret_file, option="--secret")
    if options.shared is None:
        if secret is not None:
            raise UsageError("DUOLOGUE_SECRET and --secret-file belong to --shared URL")
        return None
    if secret is None or len(secret) < MIN_SECRET_CHARACTERS:
        raise UsageError(
            f"--shared needs a secret of {MIN_SECRET_CHARACTERS} characters or more, the same for all servers: set "
            "DUOLOGUE_SECRET or name a file with --secret-file; `openssl rand -hex 32` makes one"
        )
    try:
        return RedisStore(options.shared, secret=secret, limits=limits)
    except ValueError as fault:
        raise UsageError(f"--shared: {fault}") from fault
