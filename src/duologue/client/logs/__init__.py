"""What the client logs: connections, errors of the server, and what it does otherwise than asked."""
