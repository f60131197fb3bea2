"""Facts about scans."""
