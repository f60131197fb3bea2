"""The connect engine: many ports of many hosts from one thread, at the pace each host bears."""

from watchfloor.capabilities.scans.connect.scanner.host import Host
from watchfloor.capabilities.scans.connect.scanner.loop import ConnectScanner
from watchfloor.capabilities.scans.connect.scanner.sockets import descriptors_free, reuse_works

__all__ = ["ConnectScanner", "Host", "descriptors_free", "reuse_works"]
