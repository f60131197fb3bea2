"""Who asks, and whose data: organisations, API keys, permissions."""
