"""What `duologue serve` is told: its options, where they are read from, and what they choose."""
