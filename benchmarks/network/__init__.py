"""What scans.py needs: namespaces, a relay between them, targets, peers, cases and the contest itself."""
