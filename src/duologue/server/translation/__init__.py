"""Translation sessions: the shell around their protocol, and the engines' work for one utterance."""
