"""Stored files, sealed and hashed."""
