"""What the proxy's settings ask for, and what they do not."""

from __future__ import annotations

import pytest

from safesight.core.errors import ConfigError
from safesight.proxy.settings import ProxySettings


def test_a_guard_for_gateways_has_no_upstream_to_name() -> None:
    assert ProxySettings(upstream="").upstream_headers() == []
    with pytest.raises(ConfigError, match="expected an http"):
        ProxySettings(upstream="127.0.0.1:8000").upstream_headers()
