"""Which network addresses are public: no other (this machine, private nets, metadata services) is fetched from.

An IPv6 address may carry an IPv4 one that routers or gateways send on to: NAT64 (RFC 6052), 6to4 (RFC 3056), Teredo
(RFC 4380), ISATAP (RFC 5214), mapped and compatible ones (RFC 4291). Both must be public. A NAT64 prefix that a network
chose for itself cannot be told from any other address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

_UNICAST: Final = ipaddress.ip_network("2000::/3")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_NOT_PUBLIC: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # protocol assignments; Oracle's metadata service among them
            "168.63.129.16/32",  # Azure's own services, the same from every machine
            "192.88.99.0/24",  # relays of 6to4 (RFC 7526)
            "3fff::/20",  # documentation (RFC 9637)
            "2001::/23",  # protocol assignments, Teredo among them
        ),
    )
)
_ISATAP: Final = (0x00005EFE, 0x02005EFE)


def is_public(address: str) -> bool:
    """Whether an IP address, and any that it carries, belongs to the public internet.

    Raises:
        ValueError: it is no IP address.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if isinstance(ip, ipaddress.IPv4Address):
        return _open(ip)
    if ip.scope_id is not None or not all(map(_open, _carried(ip))):
        return False
    return ip in _NAT64 or (ip in _UNICAST and _open(ip))


def _open(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not any(ip in net for net in _NOT_PUBLIC)


def _carried(ip: ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    number = int(ip)
    low = ipaddress.IPv4Address(number & 0xFFFFFFFF)
    if ip in _NAT64 or number >> 32 == 0 or (number >> 32) & 0xFFFFFFFF in _ISATAP:
        yield low
    if ip.sixtofour is not None:
        yield ip.sixtofour
    yield from ip.teredo or ()
