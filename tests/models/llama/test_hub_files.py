"""Which files of a hub repository a name means, and a vision model that runs from nothing but its name on the hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from safesight.core.errors import MissingData, UnknownName
from safesight.core.messages import Image, user
from safesight.core.protocols import CompletingModel
from safesight.core.records import Decoding
from safesight.core.registry import open_plugin
from safesight.models.llama.hub_files import GgufChoice, choose, quant_of
from tests.models.llama.tiny_gguf import write_llama, write_projector
from tests.net.mock_hub import COMMIT, MockHub, serving
from tests.support import PNG

# Listings as they stand on the hub.
SMOLVLM = [
    "README.md",
    "SmolVLM-500M-Instruct-Q8_0.gguf",
    "SmolVLM-500M-Instruct-f16.gguf",
    "mmproj-SmolVLM-500M-Instruct-Q8_0.gguf",
    "mmproj-SmolVLM-500M-Instruct-f16.gguf",
]
GRANITE = [f"granite-guardian-3.0-2b.{q}.gguf" for q in ("Q2_K", "Q3_K_L", "Q4_0", "Q4_K_M", "Q4_K_S", "Q8_0")]
SPLIT = [*(f"Q4_K_M/big-Q4_K_M-{n:05d}-of-00003.gguf" for n in (1, 2, 3)), "big-Q2_K.gguf"]


@pytest.mark.parametrize(
    ("name", "quant"),
    [
        ("SmolVLM-500M-Instruct-f16.gguf", "F16"),
        ("granite-guardian-3.0-2b.Q4_K_M.gguf", "Q4_K_M"),
        ("granite-guardian-3.0-2b-q4_k_m.gguf", "Q4_K_M"),
        ("model-IQ4_XS.gguf", "IQ4_XS"),
        ("Qwen2.5-VL-3B.gguf", ""),
        ("big-Q4_K_M-00001-of-00003.gguf", "Q4_K_M"),
        ("gpt-oss-20b-MXFP4.gguf", "MXFP4"),
    ],
)
def test_quantisations(name: str, quant: str) -> None:
    assert quant_of(name) == quant


@pytest.mark.parametrize(
    ("names", "quant", "parts", "mmproj"),
    [
        (SMOLVLM, "", SMOLVLM[1:2], SMOLVLM[3]),
        (SMOLVLM, "f16", SMOLVLM[2:3], SMOLVLM[4]),
        (SMOLVLM, SMOLVLM[2], SMOLVLM[2:3], SMOLVLM[4]),
        (GRANITE, "", ["granite-guardian-3.0-2b.Q4_K_M.gguf"], ""),
        (GRANITE, "q2_k", ["granite-guardian-3.0-2b.Q2_K.gguf"], ""),
        (SPLIT, "", SPLIT[:3], ""),
        (["only.gguf", "mmproj-model-f16.gguf"], "", ["only.gguf"], "mmproj-model-f16.gguf"),
    ],
)
def test_choices(names: list[str], quant: str, parts: list[str], mmproj: str) -> None:
    assert choose(names, quant=quant, repo="acme/x") == GgufChoice(parts=tuple(parts), mmproj=mmproj)


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(UnknownName, match=r"quantisation of acme/x 'Q4_K_X'. Did you mean 'Q4_K_[MS]'"):
        choose(GRANITE, quant="Q4_K_X", repo="acme/x")
    with pytest.raises(MissingData, match="expected a GGUF file"):
        choose(["model.safetensors"], repo="acme/x")
    with pytest.raises(MissingData, match=r"00002-of-00003\.gguf is not there"):
        choose([SPLIT[0], SPLIT[2]], repo="acme/x")


async def test_a_vision_model_and_a_guard_run_from_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = write_llama(tmp_path / "m.gguf").read_bytes()
    eye = write_projector(tmp_path / "p.gguf", text_width=64).read_bytes()
    files = {
        "acme/Tiny-GGUF": {"tiny-Q8_0.gguf": model, "mmproj-tiny-f16.gguf": eye},
        "acme/Qwen3Guard-Gen-GGUF": {"guard-Q8_0.gguf": model},
    }
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with serving(MockHub(files)) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        seen = open_plugin("models", f"gguf:hf:acme/Tiny-GGUF@{COMMIT}:Q8_0?n_ctx=512")
        guard = open_plugin("detectors", "generative:gguf:hf:acme/Qwen3Guard-Gen-GGUF")
        assert (seen.name, guard.name.split(":")[0]) == (f"gguf:hf:acme/Tiny-GGUF@{COMMIT}:Q8_0", "generative")
        reply = await seen.generate([user(Image.from_bytes(PNG), "What is it?")], decoding=Decoding(max_tokens=4))
        assert (reply.status, reply.error) in {("truncated", ""), ("ok", ""), ("empty", "")}
    # The hub has gone; the name still works, and means the same weights.
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    again = open_plugin("models", "gguf:hf:acme/Qwen3Guard-Gen-GGUF")
    assert isinstance(again, CompletingModel)
    await seen.aclose()
    await guard.aclose()
