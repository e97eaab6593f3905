"""The weights that ship are what their configurations give: trained again from the data, compared with the files."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from safesight.core.config import read_toml
from safesight.train.data import read_rows
from safesight.train.detector import train_detector
from safesight.train.settings import DetectorConfig

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared/data/harm"
FILES = {
    "requests": "src/safesight/detectors/weights/requests.npz",
    "embedded": "src/safesight/detectors/weights/embedded.npz",
    "research": "weights/research/embedded.npz",
}


FOR_TESTING = (
    "harmbench",
    "xstest",
    "beavertails",
    "msts",
    "pyrit objective",
    "simplesafetytests",
    "maliciousinstruct",
    "oktest",
    "mossbench",
    "or-bench",
)
"""Sets that detectors are compared on: nothing is trained, calibrated or given a threshold on them."""


@pytest.mark.skipif(not DATA.exists(), reason="the labelled sets are kept outside the repository")
@pytest.mark.parametrize("name", sorted(FILES))
def test_nothing_is_fitted_to_a_set_for_testing(name: str) -> None:
    path = ROOT / "configs" / f"detector-{name}.toml"
    config = read_toml(path, DetectorConfig)
    fitted = {
        row.source
        for file in (*config.train, *config.pairs, *config.calibration.streams)
        for row in read_rows(file, root=path.parent)
    }
    assert len(fitted) >= 10
    assert [source for source in fitted if source.casefold().startswith(FOR_TESTING)] == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.skipif(not DATA.exists(), reason="the labelled sets are kept outside the repository")
@pytest.mark.parametrize("name", sorted(FILES))
def test_a_configuration_gives_the_file_that_ships(name: str, tmp_path: Path) -> None:
    done = train_detector(ROOT / "configs" / f"detector-{name}.toml", out=tmp_path)
    with np.load(done.weights) as made, np.load(ROOT / FILES[name]) as shipped:
        assert np.array_equal(made["idf"], shipped["idf"])
        # Another processor may add in another order.
        assert np.allclose(made["answer"].astype(float), shipped["answer"].astype(float), atol=0.01)
        heads = [msgspec.json.decode(file["head"].tobytes()) for file in (made, shipped)]
    assert heads[0]["calibration"] == pytest.approx(heads[1]["calibration"], abs=0.01)
    assert heads[0]["points"] == pytest.approx(heads[1]["points"], abs=0.003)
    assert heads[0]["trained"] == heads[1]["trained"]
