"""The page on which people talk to the server, in their browser."""
