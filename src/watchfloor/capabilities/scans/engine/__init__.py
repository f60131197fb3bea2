"""The thinking of a scan: targets to probes, answers to services, services to problems; no network, database or clock."""
