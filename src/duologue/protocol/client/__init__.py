"""The client's half of the protocol, without I/O, clock or task."""
