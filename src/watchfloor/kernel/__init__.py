"""What every capability stands on; start at contract.py."""
