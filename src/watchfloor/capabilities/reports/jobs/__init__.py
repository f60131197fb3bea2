"""What reports can be asked to do."""

from watchfloor.capabilities.reports.jobs.cleaning import cleanup_old_reports
from watchfloor.capabilities.reports.jobs.generating import (
    export_scan_to_csv,
    generate_multiple_reports,
    generate_report,
    weekly_vulnerability_report,
)
from watchfloor.capabilities.reports.jobs.verifying import verify_report

__all__ = [
    "cleanup_old_reports",
    "export_scan_to_csv",
    "generate_multiple_reports",
    "generate_report",
    "verify_report",
    "weekly_vulnerability_report",
]
