"""Files of the model hub: a repository's listing at one commit, and its files, resumed, hashed and in the hub's cache.

The kept client (huggingface_hub) speaks the protocol, shows progress and owns the cache. Two things are added, since it
gives up a part of a file when its process ends and compares sizes alone: a part stays where it is and is resumed, and a
file takes its place in the cache only once its bytes hash to what the hub names. The hub's address and token come from
HF_ENDPOINT, and from HF_TOKEN, HUGGINGFACE_TOKEN or the hub's own login.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlsplit

import msgspec

from safesight.core.errors import ConfigError, CorruptData, MissingData
from safesight.core.files import file_hash, replacing

T = TypeVar("T")

_NAME: Final = re.compile(r"(?!.*(\.\.|--))[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_GIT_SHA: Final = re.compile(r"[0-9a-f]{40}")
_log = logging.getLogger(__name__)


class HubName(msgspec.Struct, frozen=True):
    """ORG/NAME, and what stands behind `@` (a branch, tag or commit) and `:`; "" where nothing does."""

    repo: str
    revision: str = ""
    label: str = ""


class ListedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a repository."""

    name: str
    size: int | None = None
    """Bytes; None where the hub does not say."""
    sha256: str = ""
    """Of large files; "" where the hub keeps none."""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A repository of models at one commit."""

    repo: str
    commit: str
    licence: str
    """As its card says; "" where it says nothing."""
    files: tuple[ListedFile, ...]
    revision: str = ""
    """What was asked for: a branch, tag or commit; "" for the main branch."""
    cached: bool = False
    """Read from the cache, since the hub cannot be reached: what was never fetched is not in it."""


def read_name(text: str) -> HubName:
    """Take `ORG/NAME[@REVISION][:LABEL]` apart.

    Raises:
        ConfigError: it is not of that form.
    """
    body, _, label = text.partition(":")
    repo, at, revision = body.partition("@")
    if not _NAME.fullmatch(repo) or (at and not revision) or text.endswith(":"):
        raise ConfigError(f"expected a name on the hub as ORG/NAME[@REVISION][:LABEL], got {text!r}.")
    return HubName(repo, revision, label)


def list_files(repo: str, *, revision: str = "") -> Listing:
    """What a repository of models holds at a revision ("": its main branch), pinned to the commit that means now.

    Raises:
        MissingData: there is no such repository or revision, it is gated, or the hub cannot be reached and nothing of
            it is in the cache.
    """
    from huggingface_hub import HfApi

    api = HfApi(endpoint=_endpoint(), token=_token())
    try:
        found = _asked(repo, lambda: api.model_info(repo, revision=revision or None, files_metadata=True))
    except MissingData as error:
        cached = None if isinstance(error, _Refused) else _cached(repo, revision)
        if cached is None:
            raise
        _log.info("%s: the hub cannot be reached; commit %s is in the cache", repo, cached.commit)
        return cached
    files = tuple(
        ListedFile(name=f.rfilename, size=f.size, sha256=f.lfs.sha256 if f.lfs else "") for f in found.siblings or ()
    )
    card = found.card_data
    return Listing(repo=repo, commit=found.sha or "", licence=_licence(card), files=files, revision=revision)


def fetch_file(repo: str, name: str, *, commit: str) -> Path:
    """One file of a commit, from the cache or the hub.

    Raises:
        MissingData: it cannot be had.
        CorruptData: what came is not what the hub promised; nothing of it is kept.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache

    kept = try_to_load_from_cache(repo, name, cache_dir=constants.HF_HUB_CACHE, revision=commit)
    if isinstance(kept, str):
        return Path(kept)

    def fetch() -> Path:
        url = hf_hub_url(repo, name, revision=commit, endpoint=_endpoint())
        about = get_hf_file_metadata(url, token=_token(), endpoint=_endpoint())
        size = about.size or 0
        if about.etag and _SHA256.fullmatch(about.etag) and size <= constants.MAX_HTTP_DOWNLOAD_SIZE:
            _fetch_large(
                _home(repo) / "blobs" / about.etag, url=url, location=about.location, size=about.size, name=name
            )
        # What lies among the blobs is only linked.
        path = Path(hf_hub_download(repo, name, revision=commit, token=_token(), endpoint=_endpoint()))
        if about.etag and _GIT_SHA.fullmatch(about.etag) and _git_hash(path) != about.etag:
            path.resolve().unlink()
            path.unlink(missing_ok=True)
            raise CorruptData(
                f"{repo}/{name}: its bytes are not those the hub names ({about.etag[:12]}…). Fetch again."
            )
        return path

    return _asked(f"{repo}/{name}", fetch)


def fetch_files(listing: Listing, names: Sequence[str]) -> list[Path]:
    """Several files of a listing, in order; raises like `fetch_file`.

    The cache then knows which commit the revision means, so that the same name works without the hub.
    """
    paths = [fetch_file(listing.repo, name, commit=listing.commit) for name in names]
    if listing.revision != listing.commit:
        with replacing(_home(listing.repo) / "refs" / (listing.revision or "main")) as part:
            part.write_text(listing.commit, encoding="ascii")
    return paths


def verified_hash(path: Path, listed: ListedFile) -> str:
    """The SHA-256 of a fetched file.

    Raises:
        CorruptData: it is not the one that the hub names.
    """
    digest = file_hash(path)
    if listed.sha256 and digest != listed.sha256:
        raise CorruptData(
            f"{path}: expected the SHA-256 {listed.sha256[:12]}…, got {digest[:12]}…. Remove it and fetch it again."
        )
    return digest


def _fetch_large(blob: Path, *, url: str, location: str, size: int | None, name: str) -> None:
    """Fetch a large file to its place among the cache's blobs, from where its part ends."""
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import WeakFileLock, build_hf_headers

    if blob.exists():
        return
    blob.parent.mkdir(parents=True, exist_ok=True)
    part = blob.with_name(f"{blob.name}.part")
    headers = build_hf_headers(token=_token())
    if urlsplit(location).netloc != urlsplit(url).netloc:
        headers.pop("authorization", None)  # a storage host gets no token of the hub
    with WeakFileLock(part.with_suffix(".lock")):
        if blob.exists():
            return
        with part.open("ab") as file:
            if size is not None and file.tell() > size:
                file.truncate(0)
            there = file.seek(0, os.SEEK_END)
            if there:
                _log.info("%s: going on at %d bytes", name, there)
            http_get(location, file, resume_size=there, headers=headers, expected_size=size, displayed_filename=name)
        if (digest := file_hash(part)) != blob.name:
            part.unlink()
            raise CorruptData(
                f"{name}: expected the SHA-256 {blob.name[:12]}… that the hub names, got {digest[:12]}…. Fetch again."
            )
        part.replace(blob)
    part.with_suffix(".lock").unlink(missing_ok=True)


class _Refused(MissingData):
    """The hub answered, and what it said is no."""


def _asked(what: str, ask: Callable[[], T]) -> T:
    """Ask the hub; its errors in our words."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return ask()
    except (GatedRepoError, RepositoryNotFoundError):
        raise _Refused(
            f"the hub gives no {what}: it is gated, private or not there. Check the name; for a gated one accept its "
            "terms on its page and set HF_TOKEN."
        ) from None
    except (RevisionNotFoundError, RemoteEntryNotFoundError):
        raise _Refused(f"the hub has no {what} at that revision.") from None
    except (OSError, OfflineModeIsEnabled, _http_error()) as error:
        if isinstance(error, HfHubHTTPError) and error.response.status_code < 500:
            kind: type[MissingData] = _Refused
        else:
            kind = MissingData
        reason = (str(error).strip() or type(error).__name__).split("\n", 1)[0][:200]
        raise kind(f"the hub does not give {what} ({reason}). What was fetched stays; ask again to go on.") from None


def _http_error() -> type[Exception]:
    """The base of the errors of whichever HTTP library the kept client uses."""
    from huggingface_hub.errors import HfHubHTTPError

    return cast("type[Exception]", HfHubHTTPError.__bases__[0])


def _home(repo: str) -> Path:
    """A repository's folder in the cache."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE, f"models--{repo.replace('/', '--')}")


def _cached(repo: str, revision: str) -> Listing | None:
    """What the cache holds of a revision."""
    home = _home(repo)
    named = home / "refs" / (revision or "main")
    commit = named.read_text(encoding="ascii").strip() if named.is_file() else revision
    folder = home / "snapshots" / commit
    if not commit or not folder.is_dir():
        return None
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    listed = tuple(ListedFile(name=str(p.relative_to(folder)), size=p.stat().st_size) for p in files)
    return (
        Listing(repo=repo, commit=commit, licence="", files=listed, revision=revision, cached=True) if listed else None
    )


def _git_hash(path: Path) -> str:
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _licence(card: Any) -> str:
    said = card.get("license") if card is not None else None
    return said if isinstance(said, str) else ", ".join(map(str, said or ()))


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None


def _token() -> str | None:
    return os.environ.get("HF_TOKEN") or os.environ.get("HUGGINGFACE_TOKEN") or None
