"""Which addresses a webhook may be sent to: an own list, the same on every Python.

`ipaddress.is_global` is not asked: it takes NAT64 and multicast for global, and 6to4 on some versions. Of
IPv6 only the globally assigned block is let through, and of it not what is set aside or leads elsewhere.

Sources: the IANA registries of special-purpose addresses (RFC 6890 and its updates).
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_LOCAL = "a private network"
_NEVER = "an address that no receiver has"
_LINK = "link-local, where cloud machines keep their credentials"

_PRIVATE: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(text), why)
    for text, why in (
        ("10.0.0.0/8", _LOCAL),
        ("172.16.0.0/12", _LOCAL),
        ("192.168.0.0/16", _LOCAL),
        ("127.0.0.0/8", "this machine"),
        ("::1/128", "this machine"),
        ("fc00::/7", _LOCAL),
    )
)
"""What `allow_private` opens."""

_METADATA = frozenset(map(ip_address, ("100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")))
"""Where cloud machines hand out credentials outside the link-local block; never opened by `allow_private`."""

_BLOCKED: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(text), why)
    for text, why in (
        ("0.0.0.0/8", _NEVER),
        ("100.64.0.0/10", "the network between a provider and its customers"),
        ("169.254.0.0/16", _LINK),
        ("192.0.0.0/24", "set aside for protocols"),
        ("192.0.2.0/24", "set aside for documentation"),
        ("192.31.196.0/24", "set aside for protocols"),
        ("192.52.193.0/24", "set aside for protocols"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("192.175.48.0/24", "set aside for protocols"),
        ("198.18.0.0/15", "set aside for measurements"),
        ("198.51.100.0/24", "set aside for documentation"),
        ("203.0.113.0/24", "set aside for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", _NEVER),
        ("fe80::/10", _LINK),
        ("ff00::/8", "multicast"),
        ("64:ff9b::/96", "a translation to IPv4 (NAT64)"),
        ("64:ff9b:1::/48", "a translation to IPv4 (NAT64)"),
        ("2001::/23", "set aside for protocols, tunnels to IPv4 among them"),
        ("2001:db8::/32", "set aside for documentation"),
        ("2002::/16", "a tunnel to IPv4 (6to4)"),
        ("2620:4f:8000::/48", "set aside for protocols"),
        ("3fff::/20", "set aside for documentation"),
    )
)

_GLOBAL_V6 = IPv6Network("2000::/3")


def blocked(address: Address, *, allow_private: bool, allow_networks: Iterable[Network]) -> str:
    """Return why nothing may be sent to the address; empty when something may.

    An IPv4 address inside an IPv6 one (``::ffff:a.b.c.d``) is judged as what it is.
    """
    plain = _unmapped(address)
    if any(plain in network for network in allow_networks if network.version == plain.version):
        return ""
    if plain in _METADATA:
        return "where cloud machines keep their credentials"
    if why := _found(plain, _PRIVATE):
        return "" if allow_private else why
    if why := _found(plain, _BLOCKED):
        return why
    if isinstance(plain, IPv6Address) and plain not in _GLOBAL_V6:
        return "outside the addresses that are in use"
    return ""


def is_private(address: Address) -> bool:
    """Tell whether the address is this machine, or in a network that nobody outside can reach."""
    return bool(_found(_unmapped(address), _PRIVATE))


def to_address(text: str) -> Address | None:
    """Return the address that a resolver wrote; nothing for what is none, or names an interface."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return None if isinstance(found, IPv6Address) and found.scope_id else found


def _unmapped(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def _found(address: Address, table: Iterable[tuple[Network, str]]) -> str:
    return next(
        (why for network, why in table if network.version == address.version and address in network), ""
    )
