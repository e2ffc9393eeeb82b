"""Audio as bytes: formats, G.711, resampling, WAV files, levels. Pure functions; no clock, no task."""
