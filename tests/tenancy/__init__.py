"""Organisations, roles, keys."""
