"""The relay of sessions to an upstream realtime API."""
