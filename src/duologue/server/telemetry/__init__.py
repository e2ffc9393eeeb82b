"""Log, metrics and traces of sessions."""
