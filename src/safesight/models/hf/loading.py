"""Opens a Transformers checkpoint: model, tokenizer and processor, from the hub or a folder, as one `Checkpoint`.

Image-text-to-text models where the architecture is one, causal language models otherwise (judges, guards).
Without torchvision the image processors run on Pillow; processors that also want a video processor (Qwen-VL,
SmolVLM, InternVL) are assembled without one, since a safety benchmark shows no videos.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from safesight.core.errors import ConfigError, MissingExtra, ModelError
from safesight.core.files import file_print, folder_print
from safesight.core.records import content_hash


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a checkpoint is and how to open it."""

    where: str
    """A folder, or ORG/NAME on the hub."""
    revision: str | None = None
    """Commit of a hub checkpoint; None for a folder."""
    gguf_file: str | None = None
    dtype: str = "auto"
    device: str = "auto"
    trust_remote_code: bool = False
    fingerprint: str = ""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A model ready to generate. `processor` is None for a text model."""

    model: Any
    tokenizer: Any
    processor: Any


def locate(rest: str, *, revision: str | None, gguf_file: str | None) -> Source:
    """Find a checkpoint without loading it; a hub name is pinned to the commit it means now.

    Raises:
        ConfigError: the name is neither a folder nor ORG/NAME, or a revision is given for a folder.
        ModelError: the folder has no `config.json` (or not the GGUF file), or the hub does not give one.
    """
    folder = Path(rest).expanduser()
    if rest.startswith((".", "/", "~")) or (rest and folder.is_dir()):
        return _locate_folder(folder, revision=revision, gguf_file=gguf_file)
    if rest.count("/") != 1 or not all(rest.split("/")):
        raise ConfigError(f"expected hf/ORG/NAME[@REVISION] or hf/./FOLDER, got {rest!r}.")
    name, at, named = rest.partition("@")
    if at and (not named or (revision or named) != named):
        raise ConfigError(f"hf/{rest}: expected one revision, as @REVISION or ?revision=, got {revision!r} beside it.")
    return _locate_hub(name, revision=named or revision, gguf_file=gguf_file)


def _locate_folder(folder: Path, *, revision: str | None, gguf_file: str | None) -> Source:
    if revision:
        raise ConfigError(f"{folder}: a folder has no revisions; drop ?revision={revision}.")
    needed = folder / (gguf_file or "config.json")
    if not needed.is_file():
        raise ModelError(f"{needed}: no such file. Expected a folder saved by save_pretrained, or ?gguf_file=NAME.")
    digest = file_print(needed) if gguf_file else folder_print(folder)
    return Source(where=str(folder), gguf_file=gguf_file, fingerprint=digest)


def _locate_hub(name: str, *, revision: str | None, gguf_file: str | None) -> Source:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        config = hf_hub_download(name, gguf_file or "config.json", revision=revision)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise ModelError(
            f"hf/{name}: the hub gave no {gguf_file or 'config.json'} ({reason}). Check the name, the network and "
            "HF_TOKEN for gated models, or name a local folder: hf/./FOLDER."
        ) from None
    # The cache keeps files under snapshots/COMMIT, so the path tells which commit a branch name means.
    parts = Path(config).parts
    commit = parts[parts.index("snapshots") + 1] if "snapshots" in parts else revision
    return Source(
        where=name, revision=commit, gguf_file=gguf_file, fingerprint=content_hash(name, commit or "", gguf_file or "")
    )


def engines() -> tuple[Any, Any]:
    """Torch and transformers.

    Raises:
        MissingExtra: one is not installed.
    """
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtra(error.name or "transformers", "hf") from None
    return torch, transformers


def open_checkpoint(source: Source) -> Checkpoint:
    """Load weights, tokenizer and processor; takes seconds to minutes.

    Raises:
        MissingExtra: torch or transformers is not installed.
        ModelError: the checkpoint cannot be loaded.
    """
    torch, transformers = engines()
    try:
        return _load(source, torch, transformers)
    except MissingExtra:
        raise
    # Loading runs library and (if trusted) checkpoint code: whatever it raises means the same to the run.
    except Exception as error:
        raise ModelError(f"hf/{source.where}: cannot be loaded ({type(error).__name__}: {error})") from error


def _load(source: Source, torch: Any, transformers: Any) -> Checkpoint:
    common: dict[str, Any] = {"trust_remote_code": source.trust_remote_code}
    if source.revision:
        common["revision"] = source.revision
    weights = {"gguf_file": source.gguf_file} if source.gguf_file else {}
    config = transformers.AutoConfig.from_pretrained(source.where, **common, **weights)
    sees = type(config) in transformers.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING and not source.gguf_file
    kind = transformers.AutoModelForImageTextToText if sees else transformers.AutoModelForCausalLM
    processor = load_processor(source.where, config, common) if sees else None
    tokenizer = getattr(processor, "tokenizer", None)
    if tokenizer is None:
        tokenizer = transformers.AutoTokenizer.from_pretrained(source.where, **common, **weights)
    # New tokens are appended on the right, so prompts of a batch must end at the same place.
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    device = source.device
    if device == "auto":
        device = "auto" if torch.cuda.is_available() else "cpu"
    dtype = source.dtype if source.dtype == "auto" else getattr(torch, source.dtype)
    model = kind.from_pretrained(source.where, dtype=dtype, device_map=device, **common, **weights)
    return Checkpoint(model=model.eval(), tokenizer=tokenizer, processor=processor)


def open_dense(source: Source) -> Checkpoint:
    """Open a GGUF as a dense fp32 model, for training or for adding to its weights: blocks are multiplied out.

    Raises:
        MissingExtra: torch or transformers is not installed.
        ModelError: the file cannot be loaded.
    """
    torch, transformers = engines()
    where, named = source.where, {"gguf_file": source.gguf_file}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, **named)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            where, dtype=torch.float32, quantization_config=transformers.GgufConfig(dequantize=True), **named
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{where}: {source.gguf_file} cannot be loaded: {error}") from None
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return Checkpoint(model=model.eval(), tokenizer=tokenizer, processor=None)


def load_processor(where: str, config: Any, common: dict[str, Any]) -> Any:
    """Load a checkpoint's processor, without its video part where torchvision is missing.

    Args:
        where: Folder or hub name.
        config: The checkpoint's configuration.
        common: Keyword arguments of every `from_pretrained` call (revision, trust_remote_code).

    Raises:
        MissingExtra: the processor needs a package that is not installed.
    """
    import transformers
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING
    from transformers.utils.import_utils import is_torchvision_available

    kind: Any = PROCESSOR_MAPPING.get(type(config), None)
    wants_video = kind is not None and "video_processor" in kind.get_attributes()
    try:
        if wants_video and not is_torchvision_available():
            return _without_video(kind, where, common)
        return transformers.AutoProcessor.from_pretrained(where, **common)
    except ImportError as error:
        if "num2words" in str(error):
            raise MissingExtra("num2words", "hf") from None
        raise


def _without_video(kind: Any, where: str, common: dict[str, Any]) -> Any:
    """`ProcessorMixin.from_pretrained`, with `_NoVideo` in the place of the video processor."""
    from transformers import AutoImageProcessor, AutoTokenizer

    loaders: dict[str, Any] = {
        "tokenizer": AutoTokenizer.from_pretrained,
        "image_processor": AutoImageProcessor.from_pretrained,
        "video_processor": lambda *_args, **_kwargs: _NoVideo(),
    }
    arguments = [loaders[name](where, **common) for name in kind.get_attributes()]

    def check_argument_for_proper_class(self: Any, name: str, argument: Any) -> Any:
        # The base class it would be checked against cannot be imported without torchvision.
        return _NoVideo if name == "video_processor" else kind.check_argument_for_proper_class(self, name, argument)

    lenient = type(kind.__name__, (kind,), {"check_argument_for_proper_class": check_argument_for_proper_class})
    settings, unused = kind.get_processor_dict(where, **common)
    return lenient.from_args_and_dict(arguments, settings, **unused)


class _NoVideo(dict[str, Any]):
    """Stands where a video processor would; a dict so that its owner can still be printed as JSON."""

    model_input_names: tuple[str, ...] = ()
    num_frames = None
    fps = None
    _auto_class = None

    def save_pretrained(self, save_directory: str, **_: Any) -> None:
        """Nothing to save beside the processor's own files."""
