"""Live sessions without I/O."""
