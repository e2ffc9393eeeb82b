"""What `duologue doctor` tries: one step after the other, each with what happened and what to do."""
