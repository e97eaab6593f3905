"""What `--dry-run` tells of a cost: a bound where all is known, "at least" where something is not."""

from __future__ import annotations

import pytest

from tests.cli.typed import typed

FOUR = ("run", "starter", "--limit", "4", "--dry-run", "--model")


def test_images_count_by_the_rule_of_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    said = typed(*FOUR, "openai/gpt-4o?price_in=1000&price_out=0", "--max-tokens", "10")
    # Ten pictures of 512 x 384: one tile each, 85 + 170; text is counted beside them.
    assert "and 2,550 of the images by openai-tiles:85+170" in said
    assert "cost: at most about $2.66" in said


def test_an_unknown_rule_is_said_and_can_be_named() -> None:
    server = "http://127.0.0.1:9/v1#m?price_in=1000&price_out=0"
    assert "image tokens not known" in typed(*FOUR, server, "--max-tokens", "10")
    assert "cost: at least about $0.1" in typed(*FOUR, server, "--max-tokens", "10")
    assert "and 10,000 of the images by 1000" in typed(*FOUR, f"{server}&image_tokens=1000", "--max-tokens", "10")


def test_list_prices_name_their_date_and_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    listed = typed(*FOUR, "openai/gpt-4o", "--max-tokens", "1000000")
    assert "cost: at most about $40.01 at list prices of 2025-08" in listed
    assert "list prices" not in typed(*FOUR, "openai/gpt-4o?price_in=1&price_out=1", "--max-tokens", "10")
    assert "cost: unknown" in typed(*FOUR, "openai/gpt-9", "--max-tokens", "10")


def test_data_that_is_not_here_is_priced_by_its_published_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    told = typed(
        *("run", "mllmguard", "--model", "http://127.0.0.1:9/v1#m?price_in=1&price_out=10", "--max-tokens", "1000"),
        *("--dry-run", "--source", "/no/such/folder"),
    )
    assert "By the published count: 1,500 cases" in told
    assert "cost: at least about $15.00; image tokens come on top" in told
