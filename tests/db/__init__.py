"""Facts of the way into PostgreSQL."""
