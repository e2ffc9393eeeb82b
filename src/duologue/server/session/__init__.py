"""One session on the server: a transport, the protocol, and the engines that do its work."""
