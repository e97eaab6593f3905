"""Public and other addresses, by the registries of IANA and the transition protocols' own RFCs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safesight.proxy.addresses import is_public

PUBLIC = [
    "1.1.1.1",
    "93.184.216.34",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "::ffff:1.1.1.1",
    "64:ff9b::1.1.1.1",
    "2002:101:101::1",
]
OTHER = [
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("192.0.0.192", "198.18.0.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("168.63.129.16", "192.88.99.1", "100.100.100.200"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "2606:4700:4700::1111%eth0", "fc00::1", "fd00:ec2::254", "fec0::1"),
    *("ff02::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "::127.0.0.1", "::10.0.0.1", "::1.1.1.1"),
    *("64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.1", "64:ff9b:1::1.1.1.1", "64:ff9b::168.63.129.16"),
    *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:101::1", "2001:0:7f00:1::", "2001:0:101:101::f5ff:fffe"),
    *("2a00:1450::5efe:127.0.0.1", "2a00:1450::200:5efe:10.0.0.1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", OTHER)
def test_addresses_that_are_not_everybodys(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_no_carrier_makes_a_private_address_public(address: object) -> None:
    high, low = divmod(int(address), 1 << 16)  # type: ignore[call-overload]
    for carrier in (
        "::ffff:{a}",
        "64:ff9b::{a}",
        "::{a}",
        "2002:{h:x}:{l:x}::1",
        "2a00::5efe:{a}",
        "2001:0:{h:x}:{l:x}::",
    ):
        assert not is_public(carrier.format(a=address, h=high, l=low))


@pytest.mark.parametrize("word", ["", "localhost", "127.1", "0x7f.0.0.1", "１２７.０.０.１"])
def test_what_is_no_address_is_an_error(word: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        is_public(word)
