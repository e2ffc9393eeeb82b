"""Ways to run the server that need more than the server; nothing imports them, and each needs a package of its own."""
