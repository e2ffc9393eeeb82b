"""One session: its tasks, its engines, and what it sends."""
