"""`gguf:hf:ORG/REPO[@REVISION][:QUANT]`: which files of a hub repository are meant, and where they lie once fetched.

Without QUANT: Q4_K_M, then Q8_0, then the first by name, as llama.cpp's `-hf` chooses. The vision projector is the file
with `mmproj` in its name; of several the one of the model's own quantisation, then F16. A model in parts
(`-00001-of-00003.gguf`) is fetched whole; llama.cpp is given the first part.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from safesight.core.errors import MissingData, UnknownName
from safesight.net.hub import Listing, fetch_files, list_files, read_name

PREFIX: Final = "hf:"
_PREFERRED: Final = ("Q4_K_M", "Q8_0")
_PROJECTORS: Final = ("F16", "BF16", "Q8_0", "F32")
_QUANT: Final = re.compile(r"(?:^|[-._/])((?:I?Q\d|F16|BF16|F32|MXFP4|TQ\d)\w*)(?=[-.]|$)", re.IGNORECASE)
_PART: Final = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


class GgufChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one model: its parts in order, and its projector ("" where the repository has none)."""

    parts: tuple[str, ...]
    mmproj: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.parts, self.mmproj) if self.mmproj else self.parts


def quant_of(name: str) -> str:
    """The quantisation in a file's name, in capitals; "" where it names none."""
    found = _QUANT.findall(_PART.sub(".gguf", name))
    return found[-1].upper() if found else ""


def choose(names: Sequence[str], *, quant: str = "", repo: str = "") -> GgufChoice:
    """Choose among a repository's files; `quant` is a quantisation or a file's name.

    Raises:
        MissingData: there is no GGUF.
        UnknownName: none of that quantisation or name; the nearest is suggested.
    """
    ggufs = sorted(name for name in names if name.lower().endswith(".gguf"))
    models = [n for n in ggufs if "mmproj" not in n.lower() and not (_PART.search(n) and "-00001-of-" not in n)]
    if not models:
        raise MissingData(f"{repo}: expected a GGUF file in it, got none. Name a repository of GGUF files.")
    by_quant = {quant_of(name): name for name in reversed(models)}
    if quant in models:
        chosen = quant
    elif quant:
        if quant.upper() not in by_quant:
            raise UnknownName(f"quantisation of {repo}", quant, [q for q in by_quant if q] or models)
        chosen = by_quant[quant.upper()]
    else:
        chosen = next((by_quant[q] for q in _PREFERRED if q in by_quant), models[0])
    projectors = [name for name in ggufs if "mmproj" in name.lower()]
    order = (quant_of(chosen), *_PROJECTORS)
    ranked = sorted(projectors, key=lambda n: order.index(quant_of(n)) if quant_of(n) in order else len(order))
    return GgufChoice(parts=_parts(chosen, ggufs), mmproj=ranked[0] if ranked else "")


def _parts(first: str, ggufs: Sequence[str]) -> tuple[str, ...]:
    part = _PART.search(first)
    if part is None:
        return (first,)
    wanted = [f"{first[: part.start()]}-{n:05d}-of-{part[2]}.gguf" for n in range(1, int(part[2]) + 1)]
    missing = [name for name in wanted if name not in ggufs]
    if missing:
        raise MissingData(f"{first}: expected {len(wanted)} parts, but {missing[0]} is not there.")
    return tuple(wanted)


def located(rest: str) -> tuple[Listing, GgufChoice]:
    """The listing and the choice that `ORG/REPO[@REVISION][:QUANT]` means; nothing is fetched yet.

    Raises:
        ConfigError: the name is malformed.
        MissingData: the hub does not give it.
        UnknownName: there is no such quantisation.
    """
    named = read_name(rest)
    listing = list_files(named.repo, revision=named.revision)
    return listing, choose([file.name for file in listing.files], quant=named.label, repo=named.repo)


def fetch_gguf(rest: str) -> tuple[Path, Path | None]:
    """Fetch what the name means; the model's (first) file and its projector. Raises like `located` and `fetch_file`."""
    listing, choice = located(rest)
    paths = fetch_files(listing, choice.names)
    return paths[0], paths[len(choice.parts)] if choice.mmproj else None
