"""The dialect of a session's client, translated at the edge of the server."""
