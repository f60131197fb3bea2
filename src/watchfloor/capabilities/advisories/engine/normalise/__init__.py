"""Each source's documents in one shape; one file per source."""
