"""Every error SafeSight raises on purpose; anything else that escapes is a bug.

    SafeSightError
    ├── ConfigError            a setting is unknown, out of range or conflicts with another
    │   └── UnknownName        no plugin, arm, relation ... of that name; suggests the nearest
    ├── MissingExtra           an optional dependency is not installed; names the extra
    ├── DataError              a data set cannot be used as it is
    │   ├── MissingData        nothing there; says how to get it
    │   └── CorruptData        there, but not what was promised (count, hash, column, image)
    │       └── OversizedImage an image of more pixels or frames than are decoded
    ├── ModelError             a model could not be loaded or asked
    ├── JudgeError             a judge broke (it did not merely answer off-menu)
    ├── DetectorError          a detector broke (it did not merely fire)
    ├── Overloaded             more was asked at once than is taken on; asking later helps
    └── StoreError             a run file cannot be read or written

Messages say what was expected, what came, and what to do.

Beside them stand signals between two modules, caught where they are meant to be and never seen by a user:

    Fault                      net: one attempt gave no answer; says whether another can
    HeadTooLongError           net: a server's head is over its bound (an aiohttp.ClientError)
    EventTooLong               wire: a server-sent event is over its bound (a ValueError)
    UnjudgedError              wire: a reply holds what no detector can read (a ValueError)
    BadRequestError            proxy: the client's request is at fault; answered with its status
    TooLargeError, TooSlowError, ClientGoneError
                               proxy: a request's body is over its bound, late, or its client left
    UpstreamError, BrokenReplyError, LateReplyError
                               proxy: the upstream failed, broke off, or is late
    NotPublicError             proxy: an image's address is not public (an OSError)
    NotRecordedError           proxy: the audit log could not be written
    NotAllowedError            proxy: a request asks for a policy that is not its to choose
    WorkerLost                 integrations: one call's workers died again and again (an Exception)
"""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Iterable
from pathlib import Path


class SafeSightError(Exception):
    """Base of every deliberate error; the command line prints its message without a traceback."""


class ConfigError(SafeSightError):
    """A setting is unknown, out of range, or conflicts with another."""


class UnknownName(ConfigError):
    """A name that nothing answers to; `meant`, or else the nearest known one, is suggested; `hint` follows."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, meant: str = "", hint: str = "") -> None:
        names = sorted(known)
        near = [meant] if meant else difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = (f" Did you mean {near[0]!r}?" if near else "") + hint
        super().__init__(f"unknown {kind} {name!r}.{hint} Known: {', '.join(names) or 'none'}.")
        self.kind = kind
        self.name = name


class MissingExtra(SafeSightError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, *, how: str | None = None) -> None:
        command = how or f"pip install 'safesight[{extra}]'"
        super().__init__(f"this needs {package!r}, which is not installed. Install it with: {command}")


class DataError(SafeSightError):
    """A data set cannot be used as it is."""


class MissingData(DataError):
    """Expected data is not there; the message says how to get it."""


class CorruptData(DataError):
    """Data is there but is not what was promised."""


class OversizedImage(CorruptData):
    """An image of more pixels or frames than are decoded."""


class ModelError(SafeSightError):
    """A model could not be loaded or asked."""


class JudgeError(SafeSightError):
    """A judge broke; an off-menu answer is an `unparsed` verdict instead."""


class DetectorError(SafeSightError):
    """A detector broke; a detector that fired returns a `Harm` instead."""


class Overloaded(SafeSightError):
    """More was asked at once than is taken on; asking later helps."""

    def __init__(self, message: str, *, own: bool = False) -> None:
        super().__init__(message)
        self.own = own
        """True where the one who asks holds most of what waits."""


class StoreError(SafeSightError):
    """A run file cannot be read or written."""


def told(error: BaseException) -> str:
    """An exception that nobody expected, in a line: its type, its words, and the file and line that raised it.

    A SafeSightError says what to do by itself, and is told as it is.
    """
    if isinstance(error, SafeSightError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
