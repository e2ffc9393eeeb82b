"""Several processes behind one socket: the parent that accepts, and the workers that serve."""
