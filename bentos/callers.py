"""Who calls: the name under which calls are logged, and shown to nobody else."""

from ipaddress import IPv6Address, ip_address

from fastapi import Request


def caller_id(request: Request) -> str:
    """The client's address as the connection has it. Forwarding headers are not believed: anyone can write them."""
    if request.client is None:
        return "local"  # a Unix socket has no address
    try:
        address = ip_address(request.client.host)
    except ValueError:
        return request.client.host
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address)
