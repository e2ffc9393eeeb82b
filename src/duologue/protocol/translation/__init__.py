"""Translation sessions without I/O, clock or tasks: the client's side, and the server's."""
