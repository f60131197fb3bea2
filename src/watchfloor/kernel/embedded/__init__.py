"""Private services of a fresh machine: PostgreSQL and Valkey without an installation; start at floor.py."""
