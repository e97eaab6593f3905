"""Downloads from a server that speaks the hub's protocol: resumed, hashed, cached where the kept client looks."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from huggingface_hub import hf_hub_download

from safesight.core.errors import ConfigError, CorruptData, MissingData
from safesight.net.hub import HubName, fetch_file, fetch_files, list_files, read_name, verified_hash
from tests.net.mock_hub import COMMIT, MockHub, serving, sha256

REPO = "acme/guard-GGUF"
WEIGHTS = os.urandom(300_000)
FILES = {REPO: {"guard-Q4_K_M.gguf": WEIGHTS, "README.md": b"# a guard\n"}, "acme/gated": {}}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[MockHub]:
    with serving(MockHub(FILES, gated="acme/gated")) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
        yield hub


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("acme/guard", HubName("acme/guard")),
        ("acme/guard:Q4_K_M", HubName("acme/guard", "", "Q4_K_M")),
        ("acme/guard@v1.0:Q8_0", HubName("acme/guard", "v1.0", "Q8_0")),
        ("Qwen/Qwen2.5-VL-3B_x", HubName("Qwen/Qwen2.5-VL-3B_x")),
    ],
)
def test_names(text: str, name: HubName) -> None:
    assert read_name(text) == name


@pytest.mark.parametrize(
    "text", ["", "guard", "acme/guard@", "acme/guard:", "a/b/c", "../etc", "acme/..", "a/b c", "a--b/c"]
)
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(ConfigError, match="ORG/NAME"):
        read_name(text)


def test_a_listing_is_pinned_and_says_what_the_hub_knows(hub: MockHub) -> None:
    listing = list_files(REPO)
    assert (listing.commit, listing.licence) == (COMMIT, "apache-2.0")
    weights, readme = listing.files
    assert (weights.name, weights.size, weights.sha256) == ("guard-Q4_K_M.gguf", 300_000, sha256(WEIGHTS))
    assert readme.sha256 == ""


def test_a_download_that_broke_goes_on_where_it_stopped(hub: MockHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 16_384)
    hub.break_after = 100_000
    with pytest.raises(MissingData, match="ask again to go on"):
        fetch_file(REPO, "guard-Q4_K_M.gguf", commit=COMMIT)
    [part] = Path(_cache()).rglob("*.part")
    got = part.stat().st_size
    assert 0 < got < 300_000
    hub.break_after, hub.down, hub.asked = None, False, []
    path = fetch_file(REPO, "guard-Q4_K_M.gguf", commit=COMMIT)
    assert path.read_bytes() == WEIGHTS
    ranges = [asked for method, place, asked in hub.asked if method == "GET" and place.startswith("/storage")]
    assert ranges == [f"bytes={got}-"]
    assert not list(Path(_cache()).rglob("*.part"))


def test_it_lies_where_the_kept_client_looks_and_is_fetched_once(hub: MockHub) -> None:
    path = fetch_file(REPO, "guard-Q4_K_M.gguf", commit=COMMIT)
    hub.asked = []
    assert Path(hf_hub_download(REPO, "guard-Q4_K_M.gguf", revision=COMMIT, endpoint=hub.url)) == path
    assert fetch_file(REPO, "guard-Q4_K_M.gguf", commit=COMMIT) == path
    assert not hub.asked


def test_bytes_that_are_not_those_the_hub_names_are_not_kept(hub: MockHub) -> None:
    hub.forged = {"guard-Q4_K_M.gguf", "README.md"}
    for name in hub.forged:
        with pytest.raises(CorruptData, match="the hub names"):
            fetch_file(REPO, name, commit=COMMIT)
    hub.forged = set()
    for name, data in FILES[REPO].items():
        assert fetch_file(REPO, name, commit=COMMIT).read_bytes() == data


def test_a_file_changed_on_disk_is_told(hub: MockHub) -> None:
    [weights, _] = list_files(REPO).files
    path = fetch_file(REPO, weights.name, commit=COMMIT)
    assert verified_hash(path, weights) == sha256(WEIGHTS)
    path.resolve().write_bytes(b"other")
    with pytest.raises(CorruptData, match="Remove it"):
        verified_hash(path, weights)


def test_the_token_goes_to_the_hub_and_not_to_its_storage(hub: MockHub) -> None:
    fetch_file(REPO, "guard-Q4_K_M.gguf", commit=COMMIT)
    [storage] = [path for path in hub.tokens if path.startswith("/storage")]
    assert hub.tokens[storage] == ""
    assert "Bearer hf_secret" in hub.tokens.values()


def test_what_was_fetched_is_listed_when_the_hub_is_away(hub: MockHub, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch_files(list_files(REPO), ["README.md", "guard-Q4_K_M.gguf"])
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    listing = list_files(REPO)
    assert (listing.cached, listing.commit) == (True, COMMIT)
    assert [file.name for file in listing.files] == ["README.md", "guard-Q4_K_M.gguf"]
    with pytest.raises(MissingData, match="does not give acme/other"):
        list_files("acme/other")


def test_what_the_hub_refuses_is_said(hub: MockHub) -> None:
    with pytest.raises(MissingData, match="gated, private or not there"):
        list_files("acme/gated")
    with pytest.raises(MissingData, match="gated, private or not there"):
        list_files("acme/nothing")
    with pytest.raises(MissingData, match="at that revision"):
        list_files(REPO, revision="v9")
    with pytest.raises(MissingData, match="at that revision"):
        fetch_file(REPO, "no.gguf", commit=COMMIT)


def _cache() -> str:
    from huggingface_hub import constants

    return constants.HF_HUB_CACHE
