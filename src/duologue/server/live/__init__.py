"""Live sessions: voice without turns, with sidebands and forks."""
