"""Capability scores of models: from a CSV file, a leaderboard's CSV, or our own utility runs; and whose they are.

Layouts, told by their columns:
    plain        model, score[, params_b, family]
    OpenVLM      Method, Param (B) or Parameters (B), Avg Score, one column a benchmark (OpenCompass leaderboard)
    open LLM     Model or fullname, Average ⬆️, #Params (B), one column a benchmark (Hugging Face leaderboard)

Invariant: names are matched by rule, never by likeness: first whole, then without endings such as "-instruct". A name
that fits two rows matches none; what is unmatched is reported with the nearest names.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from safesight.analysis.proportions import share
from safesight.analysis.stats import Estimate
from safesight.analysis.targets import answers_target
from safesight.core.errors import CorruptData, MissingData, UnknownName
from safesight.core.records import JUDGED, Case

_MODEL: Final = ("model", "fullname", "method", "model name", "name")
_SCORE: Final = ("score", "avg score", "average ⬆️", "average ⬆", "average", "avg", "overall")
_PARAMS: Final = ("params_b", "param (b)", "parameters (b)", "#params (b)", "params (b)")
_FAMILY: Final = ("family",)

_LINK = re.compile(r"<[^>]*>|^\[(?P<text>[^\]]+)\]\([^)]*\)$")
_SIZE = re.compile(r"(?<![A-Za-z0-9.])(\d+(?:\.\d+)?)\s?[bB](?![A-Za-z0-9])")
_ENDINGS: Final = frozenset({"instruct", "chat", "it", "hf", "preview", "latest", "model", "api", "exp"})
_FAMILIES: Final = (
    # Whose weights they started from decides, not who tuned them; the first that is in the name holds.
    ("llava", "llava"),
    ("skywork-r1v", "internvl"),
    ("internvl", "internvl"),
    ("intern-s1", "internvl"),
    ("internlm-xcomposer", "internlm"),
    ("qvq", "qwen"),
    ("qwq", "qwen"),
    ("qwen", "qwen"),
    ("chatgpt", "gpt"),
    ("gpt-oss", "gpt-oss"),
    ("gpt", "gpt"),
    ("o1", "gpt"),
    ("o3", "gpt"),
    ("o4", "gpt"),
    ("medgemma", "gemma"),
    ("paligemma", "gemma"),
    ("pixtral", "mistral"),
    ("magistral", "mistral"),
    ("ministral", "mistral"),
    ("mixtral", "mistral"),
    ("smolvlm", "smol"),
    ("smollm", "smol"),
    ("deepseek", "deepseek"),
    ("janus", "deepseek"),
    ("vicuna", "llama"),
    ("minigpt", "minigpt"),
)
"""Words of a model's name and the family they tell, where the leading letters would not, or would tell another."""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One model's capability as a source gives it; `params_b` in billions, None where not given."""

    model: str
    score: float
    params_b: float | None = None
    family: str = ""


class Matching(msgspec.Struct, frozen=True, kw_only=True):
    """Which scores belong to which models."""

    found: dict[str, Score]
    """Our model's name to its score."""
    unmatched: dict[str, tuple[str, ...]]
    """Our models without a score, with the rows that come near."""
    unused: tuple[str, ...]
    """Scored models that nobody ran."""


def read_scores(path: Path, *, column: str = "") -> list[Score]:
    """Read a scores file in any of the known layouts.

    Args:
        path: UTF-8 CSV with a header.
        column: the score's column, where it is not the layout's own average (a leaderboard's "MMMU_VAL").

    Raises:
        MissingData: there is no such file.
        CorruptData: no column for models or scores, a model listed twice, or a score that is no number.
        UnknownName: no column of the name asked for.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            header, rows = list(reader.fieldnames or ()), list(reader)
    except OSError as error:
        raise MissingData(f"{path}: {error.strerror or error}. Check --scores.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorruptData(f"{path}: expected UTF-8 CSV: {error}.") from None
    if column and column not in header:
        raise UnknownName(f"column of {path.name}", column, header)
    model, score = _column(header, _MODEL), column or _column(header, _SCORE)
    if not model or not score:
        raise CorruptData(
            f"{path}: expected columns model and score (or a leaderboard's own: Method and Avg Score, Model and "
            f"Average), got {', '.join(header) or 'none'}. Name the score's with --score-column."
        )
    params, family = _column(header, _PARAMS), _column(header, _FAMILY)
    scores = [
        Score(
            model=_plain(row[model] or ""),
            score=value,
            params_b=_number(row.get(params)),
            family=(row.get(family) or "").strip(),
        )
        for number, row in enumerate(rows, 2)
        if (value := _score(row[score], where=f"{path}, record {number}")) is not None
    ]
    names = [one.model for one in scores]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CorruptData(f"{path}: expected each model once, got {', '.join(twice[:5])} again.")
    return scores


def _column(header: Sequence[str], names: Sequence[str]) -> str:
    lowered = {column.strip().casefold(): column for column in reversed(header)}
    return next((lowered[name] for name in names if name in lowered), "")


def _plain(cell: str) -> str:
    """A model's name without a leaderboard's link around it."""
    text = _LINK.sub(lambda match: match["text"] or "", cell.strip())
    return text.strip()


def _score(cell: str | None, *, where: str) -> float | None:
    """A score, None where a leaderboard has none."""
    text = (cell or "").strip()
    if text.casefold() in ("", "-", "n/a", "nan", "none"):
        return None
    value = _number(text)
    if value is None:
        raise CorruptData(f"{where}: expected a number as score, got {text!r}.")
    return value


def _number(cell: str | None) -> float | None:
    try:
        value = float((cell or "").strip().removesuffix("%").removesuffix("B").removesuffix("b"))
    except ValueError:
        return None
    return value if abs(value) < 1e12 else None


def bare_name(model: str) -> str:
    """What a model is called without where it runs: `hf/Qwen/Qwen2.5-VL-3B-Instruct` -> `Qwen2.5-VL-3B-Instruct`."""
    body = model.partition("?")[0]
    if body.startswith("gguf:"):
        body = re.split(r"[\\/]", body.removeprefix("gguf:").partition("+")[0])[-1].removesuffix(".gguf")
    return (body.rpartition("#")[2] if "#" in body else body.rstrip("/").rpartition("/")[2]).strip()


def normalised(model: str, *, short: bool = False) -> str:
    """A model's bare name as runs of letters and of digits; `short` leaves endings such as "instruct" out.

    Digits that stand apart stay apart: InternVL3-8B is not InternVL-38B, while GPT4o is GPT-4o.
    """
    words = re.findall(r"[a-z]+|[0-9]+", bare_name(model).casefold())
    kept = [word for word in words if word not in _ENDINGS]
    return "-".join((kept or words) if short else words)


def size_in_name(model: str) -> float | None:
    """Billions of parameters that a model's name states ("-32B-"); None where it states none, or several."""
    sizes = {float(size) for size in _SIZE.findall(re.sub(r"[-_/]", " ", bare_name(model)))}
    return sizes.pop() if len(sizes) == 1 else None


def family_of(model: str) -> str:
    """Which line of models this one stems from (`Skywork-R1V3-38B` is tuned from InternVL3): see `_FAMILIES`."""
    name = re.sub(r"[ _]+", "-", bare_name(model).casefold())
    for word, family in _FAMILIES:
        if re.search(rf"(?<![a-z0-9]){word}(?![a-z])|(?<![a-z0-9]){word}(?=\d)", name):
            return family
    found = re.match(r"[a-z]+", name)
    return found[0] if found else normalised(model)


def match(models: Iterable[str], scores: Sequence[Score]) -> Matching:
    """Find each model's score."""
    tables: list[tuple[Callable[[str], str], dict[str, list[Score]]]] = []
    for rule in (normalised, _short):
        table: dict[str, list[Score]] = {}
        for score in scores:
            table.setdefault(rule(score.model), []).append(score)
        tables.append((rule, table))
    found: dict[str, Score] = {}
    unmatched: dict[str, tuple[str, ...]] = {}
    for model in models:
        hits = next((rows for rule, table in tables if (rows := table.get(rule(model)))), [])
        if len(hits) == 1:
            found[model] = hits[0]
        else:
            unmatched[model] = tuple(hit.model for hit in hits) or _near(model, scores)
    used = {score.model for score in found.values()}
    return Matching(
        found=found, unmatched=unmatched, unused=tuple(one.model for one in scores if one.model not in used)
    )


def _short(model: str) -> str:
    return normalised(model, short=True)


def _near(model: str, scores: Sequence[Score]) -> tuple[str, ...]:
    names: Mapping[str, str] = {normalised(score.model): score.model for score in scores}
    return tuple(names[name] for name in difflib.get_close_matches(normalised(model), list(names), n=3, cutoff=0.6))


def accuracy(cases: Iterable[Case]) -> Estimate:
    """Share of right answers over items with a target; what is blocked, empty or failed is left out.

    The interval respects clusters (an item and its twin share one).
    """
    answered = [case for case in cases if case.sample.target is not None and case.response.reply.status in JUDGED]
    right = [answers_target(case.response.reply.text, case.sample.target or "") for case in answered]
    return share(right, [case.sample.cluster or case.sample.key for case in answered])
