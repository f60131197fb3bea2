"""Shapes of advisories: words, normalised facts, documents of the sources, frames, and what callers send and get."""
