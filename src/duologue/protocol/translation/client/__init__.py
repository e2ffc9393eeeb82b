"""A translation session, seen from the client."""
