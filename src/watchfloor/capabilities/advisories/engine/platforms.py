"""Operating systems that are of one family: a platform criterion names the family, an asset its member. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchfloor.capabilities.advisories.schemas.facts import Criterion

LINUX = frozenset((
    "linux", "canonical", "debian", "redhat", "fedoraproject", "centos", "suse", "opensuse", "alpinelinux", "archlinux", "gentoo", "rockylinux",
    "almalinux", "amazon", "raspberrypi", "openwrt", "kali", "linuxmint", "nixos", "slackware",
))  # fmt: skip
NOT_LINUX = frozenset(("android", "fire_os"))
# What a platform criterion names, and how names of its members begin.
FAMILIES = {
    ("microsoft", "windows"): (("microsoft", "windows"),),
    ("apple", "macos"): (("apple", "macos"), ("apple", "mac_os")),
    ("apple", "mac_os_x"): (("apple", "macos"), ("apple", "mac_os")),
    ("apple", "mac_os"): (("apple", "macos"), ("apple", "mac_os")),
}


def same_family(one: Criterion, part: str, vendor: str, product: str) -> bool:
    """Tell whether a platform criterion that names a family of operating systems, in any version, holds for one of them."""
    if one.part != "o" or part != "o" or one.kind not in {"*", "-"}:
        return False
    if (one.vendor, one.product) == ("linux", "linux_kernel"):
        return vendor in LINUX and product not in NOT_LINUX
    return any(vendor == of and product.startswith(begin) for of, begin in FAMILIES.get((one.vendor, one.product), ()))
