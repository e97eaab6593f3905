"""Writes a tuned encoder as the one-file int8 ONNX model that `detectors.encoder` runs.

Weights are int8 per channel, seven bits of them used: on processors without VNNI a full eighth bit may saturate. The
graph pools the answer's token logits itself, so a run-time needs token ids and two masks.
"""

from __future__ import annotations

import tempfile
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from safesight.core.errors import ConfigError, MissingExtra
from safesight.detectors.backbone import Batch, libraries, pooled, token_logits
from safesight.detectors.tuned_head import Pooling, TunedHead


def export_onnx(model: Any, head: Any, tokenizer: Any, path: Path, *, described: TunedHead) -> None:
    """Write `path`; `model` is the bare backbone and `head` its linear logit, both on the CPU.

    Raises:
        ConfigError: the tokenizer is not BERT's WordPiece, which is the only one the run-time knows.
        MissingExtra: onnx, onnxscript (torch's exporter asks for it) or onnxruntime is not installed.
    """
    vocabulary = tokenizer.get_vocab()
    if not {"[CLS]", "[SEP]", "[UNK]"} <= vocabulary.keys():
        raise ConfigError("backbone.onnx: expected a tokenizer of BERT's WordPieces, with [CLS], [SEP] and [UNK].")
    try:
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError as error:
        raise MissingExtra(error.name or "onnx", "train") from None
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole, small = Path(folder) / "whole.onnx", Path(folder) / "small.onnx"
        _trace(model, head, whole, pooling=described.pooling)
        quantize_dynamic(whole, small, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)
        graph = onnx.load(small)
        texts = {
            "head": msgspec.json.encode(described).decode(),
            "vocabulary": "\n".join(sorted(vocabulary, key=vocabulary.__getitem__)),
        }
        for key, value in texts.items():
            graph.metadata_props.add(key=key, value=value)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        onnx.save(graph, part)
        part.replace(path)


def _trace(model: Any, head: Any, path: Path, *, pooling: Pooling) -> None:
    torch, _ = libraries()
    if not find_spec("onnxscript"):
        raise MissingExtra("onnxscript", "train")

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.head = model, head

        def forward(self, ids: Any, mask: Any, answer: Any) -> Any:
            batch = Batch(ids=ids, mask=mask, answer=answer)
            return pooled(token_logits(self.model, self.head, batch), batch, pooling=pooling)

    ids = torch.ones((2, 37), dtype=torch.long)
    rows, tokens = torch.export.Dim("rows", min=1, max=64), torch.export.Dim("tokens", min=2, max=512)
    torch.onnx.export(
        Whole().eval(),
        (ids, ids.clone(), ids.clone()),
        path,
        input_names=["ids", "mask", "answer"],
        output_names=["logit"],
        dynamo=True,
        dynamic_shapes=({0: rows, 1: tokens},) * 3,
        external_data=False,
        opset_version=18,
        verbose=False,
    )
