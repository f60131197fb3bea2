"""How fast messages leave, and how fast one event is stored for many."""
