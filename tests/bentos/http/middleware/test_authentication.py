"""Whose call it is: the address of the connection, or what trusted proxies say."""

from dataclasses import replace

import pytest

from bentos.callers.proxies import Proxies
from bentos.http.app import create_app
from tests.bentos.conftest import client_of

pytestmark = pytest.mark.anyio

TRUSTED = "10.0.0.1, 10.1.0.0/16, 2001:db8::/32, unix"


async def caller(service, peer, *forwarded, trusted=TRUSTED) -> str:
    """Who the service takes `peer` for; an address, or None for a Unix socket."""
    app = create_app(replace(service, proxies=Proxies(trusted)))
    client = client_of(app, peer) if peer else client_of(without_address(app))
    headers = [("X-Forwarded-For", value) for value in forwarded] + [
        ("Forwarded", "for=9.9.9.9"),
        ("X-Real-IP", "9.9.9.9"),
    ]
    async with client:
        return (await client.get("/", headers=headers)).json()["caller_id"]


def without_address(app):
    """As over a Unix socket."""

    async def call(scope, receive, send):
        await app(scope | {"client": None}, receive, send)

    return call


@pytest.mark.parametrize(
    ("forwarded", "who"),
    [
        ((), "10.0.0.1"),
        (("1.2.3.4",), "1.2.3.4"),
        (("6.6.6.6, 1.2.3.4",), "1.2.3.4"),
        (("6.6.6.6", "1.2.3.4"), "1.2.3.4"),
        (("1.2.3.4, 10.1.7.7",), "1.2.3.4"),
        (("6.6.6.6,1.2.3.4 ,10.1.7.7,\t10.0.0.1",), "1.2.3.4"),
        (("10.1.0.1, 10.1.0.2",), "10.1.0.1"),
        (("1.2.3.4:5678",), "1.2.3.4"),
        (("[2001:db9::1]:5678",), "2001:db9::1"),
        (("2001:DB9:0::1",), "2001:db9::1"),
        (("1.2.3.4, 2001:db8::7",), "1.2.3.4"),
        (("::ffff:1.2.3.4",), "1.2.3.4"),
        (("1.2.3.4, ::ffff:10.1.0.1",), "1.2.3.4"),
        (("fe80::1%anything",), "fe80::1"),
        (("unknown",), "10.0.0.1"),
        (("1.2.3.4, garbage",), "10.0.0.1"),
        (("1.2.3.4, garbage, 10.1.0.9",), "10.1.0.9"),
        (("1.2.3.4,",), "10.0.0.1"),
        (("",), "10.0.0.1"),
        (("unix",), "10.0.0.1"),
        (("web",), "10.0.0.1"),
        (("6.6.6.6, " * 5_000 + "1.2.3.4",), "1.2.3.4"),
        (("10.1.0.1," * 5_000 + "1.2.3.4" + ", 10.1.0.1" * 50,), "1.2.3.4"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_trusted_proxy_says_for_whom_it_calls(service, forwarded, who):
    assert await caller(service, "10.0.0.1", *forwarded) == who


@pytest.mark.parametrize("peer", ["10.0.0.2", "127.0.0.1", "2001:db9::5"])
async def test_nobody_else_is_believed(service, peer):
    assert await caller(service, peer, "1.2.3.4") == peer
    assert await caller(service, "10.0.0.1", "1.2.3.4", trusted="") == "10.0.0.1"


async def test_one_address_is_one_caller_in_both_spellings(service):
    assert await caller(service, "::ffff:10.0.0.7") == await caller(service, "10.0.0.7") == "10.0.0.7"
    assert await caller(service, "::ffff:10.0.0.1", "1.2.3.4") == "1.2.3.4"


async def test_a_unix_socket_has_a_name_of_its_own_and_is_believed_when_trusted(service):
    assert await caller(service, None, trusted="10.0.0.1") == "local"
    assert await caller(service, None, "1.2.3.4", trusted="10.0.0.1") == "local"
    assert await caller(service, None, "1.2.3.4") == "1.2.3.4"
    assert await caller(service, None, "1.2.3.4", "garbage") == "local"
