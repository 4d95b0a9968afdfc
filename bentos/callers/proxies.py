"""Whose call it is when a proxy passes it on: `X-Forwarded-For` is believed from trusted peers only."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

LOCAL = "local"  # the name of a peer on a Unix socket, which has no address
UNIX = "unix"  # what `TRUSTED_PROXIES` calls such peers
SHORT = 256  # characters of a header worth remembering

Address = IPv4Address | IPv6Address


class Proxies:
    """The peers that are trusted to say for whom they call."""

    def __init__(self, text: str = "") -> None:
        """From networks, addresses and `unix`, separated by commas. Raises ValueError."""
        names = {name.strip() for name in text.split(",") if name.strip()}
        self.unix = UNIX in names
        self.networks: list[IPv4Network | IPv6Network] = [ip_network(name) for name in names - {UNIX}]
        self._remembered = lru_cache(4096)(self._caller)

    def __bool__(self) -> bool:
        return self.unix or bool(self.networks)

    def caller(self, peer: str | None, forwarded: str) -> str:
        """The address that called, as text: the last in `forwarded`, the header's value, that no trusted proxy has."""
        return (self._remembered if len(forwarded) <= SHORT else self._caller)(peer, forwarded)

    def _caller(self, peer: str | None, forwarded: str) -> str:
        caller = _address(peer or "")
        hops = forwarded.split(",") if forwarded else []
        while hops and self._trusts(caller):
            hop = _address(_without_port(hops.pop().strip()))
            if hop is None:  # whoever wrote it is the last that is known
                break
            caller = hop
        return LOCAL if caller is None else str(caller)

    def _trusts(self, caller: Address | None) -> bool:
        return self.unix if caller is None else any(caller in network for network in self.networks)


def _address(text: str) -> Address | None:
    """IPv4 in the clothes of IPv6 is IPv4: one address is one caller."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))  # without a zone, which could be any text
    return address


def _without_port(hop: str) -> str:
    """`1.2.3.4` from `1.2.3.4:80`, `::1` from `[::1]` or `[::1]:80`."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
