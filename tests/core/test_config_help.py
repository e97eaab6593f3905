"""A policy that does not fit says what was meant: every case is a file that a person might write."""

from __future__ import annotations

from pathlib import Path

import pytest

from safesight.core.errors import ConfigError
from safesight.guard.policy import read_policy
from safesight.proxy.tenants import read_tenants

POLICIES = [
    ("acton = 'refuse'", "unknown field `acton`. Did you mean 'action'?"),
    ("[stream]\nwindow_char = 3", "unknown field `window_char` - at `$.stream`. Did you mean 'window_chars'?"),
    ("hold_chars = 32", "unknown field `hold_chars`. It belongs to [stream]."),
    ("check_ms = 32", "It belongs to [time]."),
    ("grey_low = 0.1", "It belongs to [[detectors]]."),
    ("[categories.hte]\nstrikt = 0.3", "Did you mean 'strict'?"),
    ("[[detectors]]\nname = 'embedded'\nthreshold = 0.5", "Write it as a table: threshold = { strict = 0.5 }."),
    ("[threshold]\nstrict = 0.3\nvalue = 3", "unknown field `value` - at `$.threshold`. Known here: strict, loose."),
    ("threshold = 0.3", "Write it as a table: threshold = { strict = 0.5 }."),
    ("detectors = 'embedded'", 'Write it as tables: [[detectors]] with name = "...".'),
    ("detectors = ['embedded']", 'Write it as tables: [[detectors]] with name = "...".'),
    ("[detectors]\nname = 'embedded'", 'Write it as tables: [[detectors]] with name = "...".'),
    ("stream = 'sentence'", 'Write it as a table: stream = { windows = "sentence" }.'),
    ("categories = ['ssh']", "at `$.categories`"),
]


@pytest.mark.parametrize(("text", "says"), POLICIES)
def test_a_policy_that_does_not_fit_says_what_would(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        read_policy(path)
    assert says in str(raised.value), str(raised.value)


def test_the_shapes_that_are_shown_are_read(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('threshold = { strict = 0.5 }\n[[detectors]]\nname = "embedded"\nthreshold = { strict = 0.5 }\n')
    assert read_policy(path).detectors[0].threshold.strict == 0.5


def test_tenants_files_are_helped_too(tmp_path: Path) -> None:
    path = tmp_path / "tenants.toml"
    path.write_text('[tenants.a]\nkeys = "sha256:0"\n')
    with pytest.raises(ConfigError, match=r'Write it as a list: keys = \["..."\]'):
        read_tenants(path)
