"""Nothing is sent into the operator's own network, whatever a name says and however an address is written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import ConfigurationRefused
from fairlead.ports.notices import DeliveryVerdict
from fairlead_webhook.guard import blocked
from tests.webhook.deliveries import answering, attempt, endpoint_of, local_endpoint
from tests.webhook.receiver import answer, receiver

PRIVATE = (
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "fd12::1",
)
NEVER = (
    "0.0.0.0",  # noqa: S104 - an address to refuse
    "0.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::ffff:169.254.169.254",
    "::7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fe80::1",
    "fec0::1",
    "fd00:ec2::254",
    "ff02::1",
)
PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.255.255",
    "2606:4700::1111",
    "2a00:1450::1",
)


@pytest.mark.parametrize("text", [*PRIVATE, *NEVER])
def test_what_is_not_public_is_blocked(text: str) -> None:
    """Private, special, translated and tunnelled addresses are blocked by default, with the reason."""
    assert blocked(ip_address(text), allow_private=False, allow_networks=())


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_public_is_let_through(text: str) -> None:
    """The neighbours of blocked networks are not blocked with them."""
    assert not blocked(ip_address(text), allow_private=False, allow_networks=())


@pytest.mark.parametrize("text", [*PRIVATE, "::ffff:10.0.0.1"])
def test_private_networks_are_opened_by_name(text: str) -> None:
    """`allow_private` opens this machine and private networks, also where IPv6 wraps them."""
    assert not blocked(ip_address(text), allow_private=True, allow_networks=())


@pytest.mark.parametrize("text", NEVER)
def test_the_rest_stays_closed_with_private_networks_open(text: str) -> None:
    """Metadata, multicast, translations and the like are not private networks."""
    assert blocked(ip_address(text), allow_private=True, allow_networks=())


def test_an_allowed_network_opens_itself_alone() -> None:
    """An allow-list opens what it names, and not its neighbour."""
    allowed = [ip_network("10.1.2.0/24"), ip_network("fd12::/64")]
    assert not blocked(ip_address("10.1.2.3"), allow_private=False, allow_networks=allowed)
    assert not blocked(ip_address("fd12::3"), allow_private=False, allow_networks=allowed)
    assert blocked(ip_address("10.1.3.3"), allow_private=False, allow_networks=allowed)


@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_is_the_same_inside_ipv6(number: int) -> None:
    """A mapped address is judged as what it is, and every other wrapping of one is blocked."""
    plain = IPv4Address(number)
    verdict = blocked(plain, allow_private=False, allow_networks=())
    assert blocked(IPv6Address(f"::ffff:{plain}"), allow_private=False, allow_networks=()) == verdict
    for wrapped in (f"64:ff9b::{plain}", f"::{plain}"):
        assert blocked(IPv6Address(wrapped), allow_private=False, allow_networks=())


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("1.1.1.1", "169.254.169.254"),
        ("2606:4700::1111", "::1"),
        ("fe80::1%eth0",),
        ("not an address",),
        (),
        tuple(f"1.1.{i // 256}.{i % 256}" for i in range(1_000)),
    ],
    ids=["inside", "mixed", "mixed in IPv6", "interface", "nonsense", "none", "a thousand"],
)
def test_every_address_of_a_name_is_checked(addresses: Sequence[str]) -> None:
    """One blocked address among good ones blocks the name, and so do too many; nothing is sent."""
    outcome = asyncio.run(attempt(endpoint_of(), resolve=answering(*addresses)))
    assert outcome.verdict is DeliveryVerdict.AGAIN
    assert outcome.detail.startswith("blocked: hooks.example.com ")


def test_a_name_that_changes_its_address_is_caught() -> None:
    """The address that was checked is the one that is connected to: the name is looked up once an attempt."""

    async def scenario() -> None:
        asked: list[str] = []

        async def rebinding(host: str, port: int) -> Sequence[str]:
            del port
            asked.append(host)
            return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

        async with receiver(answer()) as seen:
            settings = local_endpoint(seen.port)
            assert (await attempt(settings, resolve=rebinding)).verdict is DeliveryVerdict.DELIVERED
            assert asked == ["localhost"]
            outcome = await attempt(settings, resolve=rebinding)
            assert outcome.detail.startswith("blocked: localhost leads to 169.254.169.254: link-local")
            assert len(seen.requests) == 1

    asyncio.run(scenario())


def test_a_receiver_of_this_machine_is_blocked_by_default() -> None:
    """Without an allowance nothing reaches a port of this machine, though its name resolves to it."""

    async def scenario() -> None:
        async with receiver(answer()) as seen:
            settings = endpoint_of(f"https://localhost:{seen.port}/", ports=(seen.port,))
            outcome = await attempt(settings)
            assert "this machine" in outcome.detail
            assert seen.connections == 0

    asyncio.run(scenario())


def test_without_tls_nothing_goes_outside() -> None:
    """An http URL is for private networks: when its name leads outside, it is blocked."""
    outcome = asyncio.run(attempt(local_endpoint(8080), resolve=answering("8.8.8.8")))
    assert outcome.detail == "blocked: localhost leads outside, and http is for private networks alone"


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "127.0.0.1", "[::1]", "[fe80::1]", "10.0.0.5"],
)
def test_an_address_of_ones_own_is_refused_in_the_configuration(host: str) -> None:
    """An address that is blocked, or written so that it could be read in two ways, is refused at once."""
    with pytest.raises(ConfigurationRefused, match="url: "):
        endpoint_of(f"https://{host}/hook")


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that is set for other programs sees nothing."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async def scenario() -> None:
        async with receiver(answer()) as seen:
            assert (await attempt(local_endpoint(seen.port))).verdict is DeliveryVerdict.DELIVERED

    asyncio.run(scenario())
