"""Ask UDP ports: open only where something answers, closed where the host says so, else nobody knows. Runs in the sandbox."""

from watchfloor.capabilities.scans.connect.udp.ask import ask

__all__ = ["ask"]
