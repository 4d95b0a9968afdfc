"""The address that a call comes from: `X-Forwarded-For` counts only when a trusted proxy sends it."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

LOCAL = "local"  # the name of a peer on a Unix socket, which has no address
UNIX = "unix"  # what TRUSTED_PROXIES calls such peers
MAX_CACHED_HEADER = 256  # characters; longer headers are parsed at every call

Address = IPv4Address | IPv6Address


class Proxies:
    """The proxies that are trusted to name the caller."""

    def __init__(self, text: str = "") -> None:
        """From addresses, networks and `unix`, separated by commas. Raises ValueError."""
        names = {name.strip() for name in text.split(",") if name.strip()}
        self.unix = UNIX in names
        self.networks: list[IPv4Network | IPv6Network] = [ip_network(name) for name in names - {UNIX}]
        self._cached_caller = lru_cache(4096)(self._caller)

    def __bool__(self) -> bool:
        return self.unix or bool(self.networks)

    def caller(self, peer: str | None, forwarded: str) -> str:
        """The caller's address as text: the last one in `forwarded`, the header's value, that is no trusted proxy's."""
        return (self._cached_caller if len(forwarded) <= MAX_CACHED_HEADER else self._caller)(peer, forwarded)

    def _caller(self, peer: str | None, forwarded: str) -> str:
        caller = _address(peer or "")
        hops = forwarded.split(",") if forwarded else []
        while hops and self._trusts(caller):
            hop = _address(_without_port(hops.pop().strip()))
            if hop is None:  # not an address: the proxy that wrote it is the last known peer
                break
            caller = hop
        return LOCAL if caller is None else str(caller)

    def _trusts(self, caller: Address | None) -> bool:
        return self.unix if caller is None else any(caller in network for network in self.networks)


def is_local(caller: str, forwarded: str) -> bool:
    """Whether a call is this machine's own: the caller, and all that `forwarded` names, are loopback addresses.

    So a proxy on this machine that is not trusted, or that names no address, lends its callers none of its rights.
    """
    hops = forwarded.split(",") if forwarded else []
    return len(forwarded) <= MAX_CACHED_HEADER and all(map(_is_loopback, [caller, *hops]))


def _address(text: str) -> Address | None:
    """None for what is no address. An IPv4-mapped IPv6 address becomes IPv4, so that one address is one caller."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))  # without the zone, which may be any text
    return address


@lru_cache(4096)
def _is_loopback(hop: str) -> bool:
    address = _address(_without_port(hop.strip()))
    return address is not None and address.is_loopback


def _without_port(hop: str) -> str:
    """`1.2.3.4` from `1.2.3.4:80`, `::1` from `[::1]` or `[::1]:80`."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
