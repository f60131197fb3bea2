"""One document from every capability's section, in the format people asked for."""
