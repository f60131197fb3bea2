"""Reads and writes of advisories; the intelligence tables are shared by all organisations."""
