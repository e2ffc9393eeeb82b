"""What networks send and take over a call's socket, as values: a codec for each, by tables of their frames."""
