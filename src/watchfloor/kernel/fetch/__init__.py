"""The only way out over HTTP: whom may be asked, at which address, how often, how much, and how long."""
