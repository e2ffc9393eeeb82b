"""What is observed of sessions: log, metrics, traces."""
