"""A worker: serves the connections that its parent hands over."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from ssl import SSLContext

from duologue.errors import MissingExtra
from duologue.server.app import RealtimeApp
from duologue.server.run.runner import run_server
from duologue.server.workers.merged_figures import families_of
from duologue.server.workers.messages import Drain, Load, Ready
from duologue.server.workers.worker_link import WorkerLink
from duologue.server.workers.worker_place import WorkerPlace

__all__ = ["run_worker"]


async def run_worker(
    application: RealtimeApp, link: WorkerLink, place: WorkerPlace, *, tls: SSLContext | None, tune: Callable[[], None]
) -> int:
    """Serve until the parent wants the end, or has died. `link` is the application's store and supervisor.

    Raises:
        EngineError: an engine does not load.
        MissingExtra: uvicorn, or what an engine needs, is not installed.
    """
    try:
        from duologue.server.run.edge import edge_config
        from duologue.server.workers.forwarding import Forwarding
        from duologue.server.workers.handed_sockets import HandedSockets
    except ImportError as fault:
        raise MissingExtra("uvicorn", extra="server") from fault
    handed, streams = (socket.socket(fileno=each) for each in (place.handed, place.streams))
    for each in (handed, streams):
        each.set_inheritable(False)
    forwarding = Forwarding(application, streams, number=place.number)
    config = edge_config(application, handler=forwarding)

    def on_drain(message: Drain | None) -> None:
        application.begin_drain(message.manner if message is not None else None)

    def load() -> Load:
        return Load(held=len(config.edge) + len(application.calls), received=HandedSockets.taken)

    def started() -> None:
        tune()
        limits = application.limits
        link.ready(
            Ready(
                takes_calls=application.calls.loaded,
                memory_bytes=_memory_bytes(),
                client_secrets=limits.client_secrets,
                max_client_secret_bytes=limits.max_client_secret_bytes,
                max_owner_client_secret_bytes=limits.max_owner_client_secret_bytes,
                drain_s=limits.drain_s,
                drain=application.drain_manner,
            )
        )

    families = lambda: families_of(application.metrics.registry)  # noqa: E731
    async with link.running(families=families, on_drain=on_drain), application.running():
        reporting = asyncio.ensure_future(link.report(load, config.edge.changed))  # noqa: TID251 - cancelled below
        try:
            await run_server(application, config, handed, HandedSockets, tls, started, releases=False)
        finally:
            reporting.cancel()
            await forwarding.close()
    return 0


def _memory_bytes() -> int:
    """What the process has in memory at most so far; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
