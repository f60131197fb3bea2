"""Deciding what to download of each source, and downloading it: one file per source."""
