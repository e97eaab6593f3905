"""Listens to a Transformers model's attention while it runs, and keeps entropy and mass of the rows asked for.

The model's own output is untouched: the wrapped attention function is called with the very same arguments, so
logits stay bitwise those of the plain model. Vision towers are left out. Rows and keys are counted over the whole
sequence, caches included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Self

import torch
from torch import Tensor

from safesight.core.errors import ConfigError, ModelError
from safesight.explain.entropy.hooks import AttentionCall, attach, detach
from safesight.explain.entropy.kernel import Backend, Segments, entropy_rows
from safesight.explain.entropy.masks import check_arguments, resolve
from safesight.explain.entropy.result import ProbeResult, joined, stacked
from safesight.explain.entropy.rows import RowStats, SinkRule, parse_stats
from safesight.explain.entropy.segments import ImageTokens, SegmentLayout, layout
from safesight.explain.entropy.visibility import Visibility

Rows = Literal["generated", "all", "last"]
"""generated: the row that produced each generated token. all: every row. last: the last row of the last pass."""

_NOT_LANGUAGE = ("vision", "visual", "audio", "cross")


def language_layers(model: Any) -> dict[Any, int]:
    """The self-attention modules of the language model, each with its layer index.

    They carry an int `layer_idx` and an output projection; the attention of vision and audio towers does not,
    or says so in its name.
    """
    found: dict[Any, int] = {}
    for name, module in model.named_modules():
        index = getattr(module, "layer_idx", None)
        projects = any(hasattr(module, part) for part in ("o_proj", "dense", "c_proj"))
        label = f"{name}.{type(module).__name__}".lower()
        if isinstance(index, int) and projects and not any(word in label for word in _NOT_LANGUAGE):
            found[module] = index
    return found


class AttentionProbe:
    """Records attention entropy of a model's generated tokens.

        with AttentionProbe(model, stats=("entropy", "mass")) as probe:
            model.generate(**inputs)
        probe.result.entropy[layer, batch, head, token]

    A forward pass without a cache starts a new record, unless it repeats the last sequence and adds to it.
    Prompts processed in several chunks, and assisted decoding, give one row for each pass.
    """

    def __init__(
        self,
        model: Any,
        *,
        rows: Rows = "generated",
        stats: Sequence[str] = ("entropy",),
        segments: Literal["auto", "none"] | SegmentLayout = "auto",
        prompt_tokens: int | None = None,
        layers: Sequence[int] | None = None,
        tokenizer: Any = None,
        sink_rule: SinkRule = "exclude",
        allow: Sequence[str] = (),
        backend: Backend = "auto",
    ) -> None:
        """Prepare a probe; nothing is wrapped until it is entered.

        Args:
            model: A Transformers model.
            rows: Which query rows to keep.
            stats: Names from `rows.STATS`; "mass" and "segment_entropy" need segments.
            segments: "auto" splits keys into images, text and generated tokens; "none" does not; a `SegmentLayout`
                names the parts of the prompt itself, the last name being for what is generated.
            prompt_tokens: For a teacher-forced pass over prompt and answer: how many tokens are prompt. Rows
                "generated" are then those that predict the answer's tokens.
            layers: Layer indices to keep; all by default.
            tokenizer: Tells apart the separators inside one image (Mistral 3, Idefics3, Llama 4).
            sink_rule: What a learned attention sink counts as.
            allow: Attention arguments known to change no score.
            backend: See `attention_entropy`.

        Raises:
            ConfigError: a choice is not known, or the model has none of the layers.
            UnknownName: a statistic is not known.
        """
        known = isinstance(segments, SegmentLayout) or segments in ("auto", "none")
        if rows not in ("generated", "all", "last") or not known:
            raise ConfigError(
                "expected rows 'generated', 'all' or 'last' and segments 'auto' or 'none', "
                f"got {rows!r} and {segments!r}."
            )
        self.stats = parse_stats(stats)
        if segments == "none" and {"mass", "segment_entropy"} & set(self.stats):
            raise ConfigError("expected segments='auto' for the statistics 'mass' and 'segment_entropy'.")
        self._model = model
        found = language_layers(model)
        self._layers = {module: index for module, index in found.items() if layers is None or index in layers}
        if not self._layers:
            raise ConfigError(
                f"expected language layers {'of any index' if layers is None else list(layers)} in "
                f"{type(model).__name__}, found layers {sorted(found.values())}."
            )
        self._rows: Rows = rows
        self._prompt_tokens = prompt_tokens
        self._parts: SegmentLayout | ImageTokens | None = None
        if segments != "none":
            self._parts = ImageTokens.of(model.config, tokenizer) if segments == "auto" else segments
        self._sink_rule: SinkRule = sink_rule
        self._allow = frozenset(allow)
        self._backend: Backend = backend
        self._pass = _Pass()
        self._records: dict[int, list[RowStats]] = {}
        self._names: tuple[str, ...] = ()
        self._hook: Any = None

    def __enter__(self) -> Self:
        self._hook = self._model.register_forward_pre_hook(self._begin, with_kwargs=True)
        attach(self)
        return self

    def __exit__(self, *exc: object) -> None:
        detach(self)
        self._hook.remove()
        self._pass.forget()

    @property
    def result(self) -> ProbeResult:
        """What was recorded since the last new sequence.

        Raises:
            ModelError: nothing was: no forward pass, or attention that bypasses Transformers' interface.
        """
        if not self._records:
            raise ModelError(
                f"no attention of {type(self._model).__name__} was heard. Run it inside the probe's block; a model "
                "whose own code bypasses transformers.AttentionInterface cannot be probed."
            )
        return stacked({layer: joined(chunks) for layer, chunks in self._records.items()}, self._names)

    def _begin(self, _module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Before each forward pass of the model: note its tokens and how many came before."""
        tokens = kwargs.get("input_ids", args[0] if args else None)
        tokens = tokens if isinstance(tokens, Tensor) and tokens.ndim == 2 else None
        # By what it is: Transformers 5.24 calls `cache` what was `past_key_values`.
        past = next((value for value in kwargs.values() if hasattr(value, "get_seq_length")), None)
        cached = 0 if past is None else int(past.get_seq_length())
        if self._pass.start(tokens, cached, keep=self._rows == "generated"):
            self._records.clear()

    def heard(self, call: AttentionCall) -> None:
        """Record one attention call, if it is one of ours."""
        layer = self._layers.get(call.module)
        if layer is None:
            return
        where = f"layer {layer} of {type(self._model).__name__}"
        check_arguments(call.arguments, self._allow, where=where)
        rows = self._wanted(call.query.shape[2])
        if rows.start >= rows.stop:
            return
        query = call.query[:, :, rows]
        visibility = self._visibility(call, rows)
        stats = entropy_rows(
            query,
            call.key,
            visibility,
            scale=call.arguments.get("scaling"),
            softcap=call.arguments.get("softcap"),
            segments=self._segments(call.key, visibility.keys),
            sinks=call.arguments.get("s_aux"),
            sink_rule=self._sink_rule,
            stats=self.stats,
            backend=self._backend,
        )
        if self._rows == "last":
            self._records[layer] = [stats]
        else:
            self._records.setdefault(layer, []).append(stats)

    def _wanted(self, count: int) -> slice:
        """The rows of a pass of `count` that are kept."""
        if self._rows == "all":
            return slice(0, count)
        if self._rows == "last" or self._prompt_tokens is None or count == 1:
            return slice(count - 1, count)
        return slice(max(0, self._prompt_tokens - 1 - self._pass.cached), count - 1)

    def _visibility(self, call: AttentionCall, rows: slice) -> Visibility:
        given = call.arguments
        key = (
            call.backend,
            id(call.mask),
            call.query.shape[2],
            call.key.shape[2],
            given.get("is_causal"),
            given.get("sliding_window"),
        )
        if key not in self._pass.seen:
            visibility = resolve(call.backend, call.module, call.query, call.key, call.mask, given, rows)
            self._pass.seen[key] = _Resolved(call.mask, visibility)
        return self._pass.seen[key].visibility

    def _segments(self, key: Tensor, keys: int) -> Segments | None:
        if self._parts is None or not {"mass", "segment_entropy"} & set(self.stats):
            return None
        parts = self._pass.layout(self._parts, self._prompt_tokens, key)
        self._names = parts.names
        total, width = parts.ids.shape[1], key.shape[2]
        if width >= total:
            # A cache of fixed size is filled from the left; what is beyond the last token is never seen.
            ids = torch.nn.functional.pad(parts.ids, (0, width - total), value=-1)
        else:
            ids = parts.ids[:, total - width :]
        return Segments(ids[:, :keys], len(parts.names))


class _Resolved(NamedTuple):
    mask: Any
    """Kept alive, so that its id is not given to another mask within the pass."""
    visibility: Visibility


class _Pass:
    """The forward pass under way: its tokens so far, and what was worked out once for all its layers."""

    def __init__(self) -> None:
        self.cached = 0
        self.seen: dict[tuple[object, ...], _Resolved] = {}
        self._tokens: Tensor | None = None
        self._prompt = 0
        self._layout: SegmentLayout | None = None

    def start(self, tokens: Tensor | None, cached: int, *, keep: bool) -> bool:
        """Begin a pass; True when it starts a new sequence."""
        self.seen.clear()
        known = self._tokens
        self.cached = cached
        if cached:
            if tokens is not None and known is not None and known.shape[1] == cached:
                self._tokens = torch.cat([known, tokens.detach().to(known.device)], 1)
            else:
                self._set(None)
            return False
        grown = (
            keep
            and tokens is not None
            and known is not None
            and tokens.shape[0] == known.shape[0]
            and tokens.shape[1] > known.shape[1]
            and torch.equal(tokens[:, : known.shape[1]].to(known.device), known)
        )
        self._set(None if tokens is None else tokens.detach().cpu())
        if not grown:
            self._prompt = 0 if tokens is None else tokens.shape[1]
        return not grown

    def _set(self, tokens: Tensor | None) -> None:
        self._tokens = tokens
        self._layout = None

    def layout(self, parts: ImageTokens | SegmentLayout, prompt: int | None, key: Tensor) -> SegmentLayout:
        """Segments of every token so far, on the keys' device.

        Raises:
            ModelError: the tokens are not known (embeddings or a foreign cache were passed).
        """
        if self._tokens is None:
            raise ModelError(
                "segments need the token ids of the whole sequence, and this pass brought none (inputs_embeds, or a "
                "cache filled before the probe). Pass input_ids, or stats without 'mass' and 'segment_entropy'."
            )
        given = self._prompt if prompt is None else prompt
        if self._layout is None:
            made = parts if isinstance(parts, SegmentLayout) else layout(self._tokens[:, :given], parts)
            self._layout = SegmentLayout(made.ids.to(key.device), made.names)
        grown = self._tokens.shape[1] - self._layout.ids.shape[1]
        if grown:
            # What follows the prompt is generated, the last of the names.
            last = len(self._layout.names) - 1
            self._layout = SegmentLayout(
                torch.nn.functional.pad(self._layout.ids, (0, grown), value=last), self._layout.names
            )
        return self._layout

    def forget(self) -> None:
        """Let go of masks and tokens."""
        self.seen.clear()
        self._set(None)
        self.cached = 0


def probe(model: Any, **choices: Any) -> AttentionProbe:
    """Make an `AttentionProbe` with these choices, for use as a context manager."""
    return AttentionProbe(model, **choices)
