"""`safesight pull`: models of the hub, fetched before they are needed: resumed, hashed, with progress."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from safesight.core.errors import ConfigError

if TYPE_CHECKING:
    from safesight.net.hub import Listing

_LOADED = re.compile(r"[^/]+\.(safetensors|json|txt|model|jinja|tiktoken|py)")
"""Files that Transformers loads; weights in other formats, and what lies in folders, are copies of them."""


def register(app: typer.Typer) -> None:
    """Add `pull`."""
    app.command("pull")(pull)


def pull(
    name: Annotated[
        str, typer.Argument(help="A short name, gguf:hf:ORG/REPO[@REV][:QUANT] or hf/ORG/NAME[@REV]; none: the table.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fetched, and stop.")] = False,
) -> None:
    """A known model from the hub, hashed; without a name: the table of known models."""
    from safesight.models.known import known_models

    known = known_models()
    if not name:
        _table()
        return
    model = known[name].model if name in known else name
    listing, names = _wanted(model, short=list(known))
    _fetch(model, listing, names, dry_run=dry_run)


def _table() -> None:
    from safesight.models.known import known_models

    for name, one in known_models().items():
        size = f"{one.size_gb:.2f} GB" if one.size_gb else "size unknown"
        typer.echo(f"{name}  {one.job}")
        typer.echo(f"    {one.model}\n    licence {one.licence or 'unknown'}, {size}; read on {one.where}")
    typer.echo("Revision and hash are the hub's to say: safesight pull NAME --dry-run")


def _wanted(model: str, *, short: list[str]) -> tuple[Listing, tuple[str, ...]]:
    """The repository that a model's name means, and its files to fetch."""
    from safesight.models.llama.hub_files import PREFIX, located
    from safesight.net.hub import list_files, read_name

    body = model.partition("?")[0]
    _, gguf, rest = body.rpartition(f"gguf:{PREFIX}")
    if gguf:
        listing, choice = located(rest)
        return listing, choice.names
    if not body.startswith("hf/"):
        raise ConfigError(f"expected gguf:hf:ORG/REPO, hf/ORG/NAME, or one of {', '.join(short)}; got {model!r}.")
    named = read_name(body.removeprefix("hf/"))
    listing = list_files(named.repo, revision=named.revision)
    return listing, tuple(file.name for file in listing.files if _LOADED.fullmatch(file.name))


def _fetch(model: str, listing: Listing, names: tuple[str, ...], *, dry_run: bool) -> None:
    from safesight.net.hub import fetch_files, verified_hash

    files = {file.name: file for file in listing.files}
    total = sum(files[name].size or 0 for name in names)
    typer.echo(f"{listing.repo}@{listing.commit}  licence: {listing.licence or 'unknown'}  {total / 1e9:.3f} GB")
    if listing.cached:
        typer.echo("the hub cannot be reached: this is what the cache holds")
    if dry_run:
        for name in names:
            typer.echo(f"  {name}  {files[name].size} bytes  sha256 {files[name].sha256 or 'unknown'}")
        return
    for name, path in zip(names, fetch_files(listing, names), strict=True):
        typer.echo(f"  {path}\n    sha256 {verified_hash(path, files[name])}")
    typer.echo(f"pinned: {_pinned(model, listing)}")


def _pinned(model: str, listing: Listing) -> str:
    """The model's name with the commit that was fetched."""
    asked = f"{listing.repo}@{listing.revision}" if listing.revision else listing.repo
    return model.replace(asked, f"{listing.repo}@{listing.commit}", 1)
