"""The job kinds of scans: plan one, look at a part of it, end it, and what else can be asked for; how the doors ask for them."""

from watchfloor.capabilities.scans.jobs.analysis import vulnerability_analysis
from watchfloor.capabilities.scans.jobs.finish import finish_scan
from watchfloor.capabilities.scans.jobs.health import system_health_check
from watchfloor.capabilities.scans.jobs.importing import import_scan
from watchfloor.capabilities.scans.jobs.request import draft_scan, estimate_scan, request_scan, ring, start_scan, stop_scan, submit_scan
from watchfloor.capabilities.scans.jobs.run import RunScan, ScanPlanned, run_scan
from watchfloor.capabilities.scans.jobs.shard import scan_shard
from watchfloor.capabilities.scans.jobs.starting import daily_security_scan, discover_network, execute_vulnerability_scan, security_scan
from watchfloor.capabilities.scans.jobs.stopping import cancel_scan

__all__ = [
    "RunScan", "ScanPlanned", "cancel_scan", "daily_security_scan", "discover_network", "draft_scan", "estimate_scan",
    "execute_vulnerability_scan", "finish_scan", "import_scan", "request_scan", "ring", "run_scan", "scan_shard", "security_scan", "start_scan",
    "stop_scan", "submit_scan", "system_health_check", "vulnerability_analysis",
]  # fmt: skip
