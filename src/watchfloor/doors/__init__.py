"""Where work comes in: REST, command line, worker, scheduler, probes."""
