"""Documents of the sources as they are published: one file per source; unknown members are ignored, unknown words kept as text."""
