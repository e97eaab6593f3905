"""What `--engine` takes, and what it says where Ray is not installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from safesight.core.errors import ConfigError, MissingExtra, UnknownName
from safesight.integrations.ray.engine import ClusterOptions, read_engine
from safesight.integrations.ray.replica import Raised
from tests.core.test_doors import without_extras


def test_a_bare_name_and_options_are_read() -> None:
    assert read_engine("local") is None
    assert read_engine("ray") == ClusterOptions()
    found = read_engine("ray?replicas=8&gpus=1&cpus=2&address=10.0.0.1:6379")
    assert found == ClusterOptions(replicas=8, gpus=1, cpus=2, address="10.0.0.1:6379")


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("rays", UnknownName, "Did you mean 'ray'"),
        ("ray?replica=2", UnknownName, "Did you mean 'replicas'"),
        ("ray?replicas=0", ConfigError, "1 or more"),
        ("ray?gpus=-1", ConfigError, "0 or more"),
        ("ray?replicas=many", ConfigError, "replicas"),
    ],
)
def test_what_is_wrong_is_told(text: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        read_engine(text)


def test_without_ray_the_extra_is_named(tmp_path: Path) -> None:
    done = without_extras(
        tmp_path, "run", "starter", "--model", "scripted:echo", "--engine", "ray", "--limit", "1", also=("ray",)
    )
    assert done.returncode == 2
    assert "pip install 'safesight[ray]'" in done.stdout + done.stderr
    assert not list(tmp_path.iterdir()), "nothing is begun"


def test_an_error_crosses_processes_as_what_it_was() -> None:
    first = UnknownName("model", "ebmedded", ("embedded",))
    again = Raised(type(first).__name__, str(first)).error()
    assert (type(again), str(again)) == (UnknownName, str(first))
    assert isinstance(Raised("MissingExtra", "x").error(), MissingExtra)
    foreign = Raised("KeyError", "'x'").error()
    assert f"{type(foreign).__name__}: {foreign}" == "KeyError: 'x'"
