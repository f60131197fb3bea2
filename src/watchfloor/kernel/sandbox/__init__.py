"""Processes for code that meets the hostile outside: no database, no keys, hard limits."""
