"""Rendering: the same document gives the same bytes; no network, database or clock."""
