"""The job kinds of a scan: plan it, look at one part of it, end it; and how the doors ask for one."""

from watchfloor.capabilities.scans.jobs.finish import finish_scan
from watchfloor.capabilities.scans.jobs.request import cancel_scan, request_scan, ring, submit_scan
from watchfloor.capabilities.scans.jobs.run import RunScan, ScanPlanned, run_scan
from watchfloor.capabilities.scans.jobs.shard import scan_shard

__all__ = [
    "RunScan", "ScanPlanned", "cancel_scan", "finish_scan", "request_scan", "ring", "run_scan", "scan_shard", "submit_scan",
]  # fmt: skip
