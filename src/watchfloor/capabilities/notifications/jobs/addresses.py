"""Whether an address may be kept as a channel: said when it is saved, and again by the box when something is sent."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

from watchfloor.capabilities.notifications.channels import apprise
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind
from watchfloor.kernel.errors import EgressRefused, InvalidInput
from watchfloor.kernel.fetch.guard import Reach, is_address, locate

if TYPE_CHECKING:
    from watchfloor.capabilities.notifications.schemas.channels import ChannelCreate
    from watchfloor.capabilities.notifications.settings import NotificationSettings


def check_address(wish: ChannelCreate, settings: NotificationSettings) -> None:
    """Raise InvalidInput for a URL that the guard would refuse, as far as that can be told without looking a name up."""
    if wish.url is None:
        return
    url: str | None = wish.url.get_secret_value()
    if wish.kind is ChannelKind.APPRISE:
        url = apprise.origin(wish.url.get_secret_value())
    if url is None:
        return
    try:
        found = locate(url)
        reach = reach_of(settings)
        reach.check(found)
        if is_address(found.host):
            reach.judge(found.origin, found.host, [found.host])
    except EgressRefused as error:
        raise InvalidInput(f"nothing can be sent there: {error}", field="/url") from None


def reach_of(settings: NotificationSettings) -> Reach:
    """Return where messages may go, as the settings say."""
    networks = tuple(ip_network(one.strip()) for one in settings.allowed_networks.split(",") if one.strip())
    ports = frozenset(int(one) for one in settings.allowed_ports.split(","))
    return Reach(networks=networks, near=settings.allowed_near, ports=ports, plain=True)
