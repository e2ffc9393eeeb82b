"""A profile of Live: how one vendor speaks it, as data."""

from __future__ import annotations

from duologue.dialects.profile import FrameProfile

__all__ = ["LiveProfile"]


class LiveProfile(FrameProfile, frozen=True, kw_only=True):
    """How one vendor or server differs from the canonical model of Live, which has the shape of the hosted service."""

    base_path: str = "/v1"
    """The path that a host alone stands for."""
    endpoint: str = "/live/sessions"
    """The endpoint of a session, below it."""
    names_model_in_url: bool = False
    """Whether the query of the URL names the model; else `session.start` does."""
    has_sidebands: bool = True
    """Whether a second connection can be attached to a session."""
    has_forks: bool = True
    """Whether a stored session can be forked."""
    greeting: str | None = None
    """The event, by their name, with which the server speaks first; the client starts the session after it. None: the
    server says nothing before the start."""
    drops_output: frozenset[str] = frozenset()
    """Events, by their name, after which sound that was sent and not yet played is not to be played."""
    echoes_ids: bool = True
    """Whether answers name the `event_id` of the command that they answer; else they are matched by kind and order."""
    replaces_delegation: bool = False
    """Whether an update replaces `delegation` as a whole; else it merges the fields of `responses`. An update with
    complete settings means the same in both cases."""
    requires_event_ids: bool = False
    """Whether each event of the client needs an `event_id`."""
    max_event_id_chars: int | None = None
    """How long such an id may be; None: not known."""
