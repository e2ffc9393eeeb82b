"""The sound of a Live session: input, output, what sidebands get, and where words have their place."""
