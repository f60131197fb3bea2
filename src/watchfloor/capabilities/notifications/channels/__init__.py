"""How finished messages leave: one file per kind of channel, in the sandbox."""
