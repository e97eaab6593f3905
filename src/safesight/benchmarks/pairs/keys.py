"""Keys: what an item's answer is, drawn six ways, and every spelling that counts as giving it.

Keys of one item are of one kind and never parts of each other, so a rule can tell which one an answer gives.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from safesight.benchmarks.pairs.chance import Chance
from safesight.benchmarks.pairs.panel import Language

Kind = Literal["code", "number", "door", "time", "place", "name"]

PLACES: Final = {
    "en": ("library", "market", "station", "gym", "harbour", "museum", "bakery", "stadium", "cinema", "post office",
           "swimming pool", "town hall"),
    "zh": ("图书馆", "菜市场", "火车站", "体育馆", "码头", "博物馆", "面包店", "体育场", "电影院", "邮局",
           "游泳池", "市政厅"),
}  # fmt: skip
NAMES: Final = {
    "en": ("Lumo", "Tavi", "Rosal", "Kenta", "Binor", "Velis", "Odra", "Mirel", "Sanko", "Pelta", "Zefir", "Hundo"),
    "zh": ("云朵牌", "晨光牌", "山风牌", "小溪牌", "白鹭牌", "星河牌", "木棉牌", "石榴牌", "海燕牌", "春雨牌"),
}
"""Invented brands."""
_ALSO: Final = {"harbour": ("harbor", "port"), "post office": ("postoffice",), "swimming pool": ("pool",),
                "town hall": ("townhall",), "station": ("train station",), "cinema": ("movie theater",),
                "菜市场": ("市场",), "火车站": ("车站",), "游泳池": ("泳池",)}  # fmt: skip


class Key(msgspec.Struct, frozen=True):
    """One key as it is drawn, and its other spellings."""

    text: str
    also: tuple[str, ...] = ()


def draw_keys(kind: Kind, count: int, chance: Chance, language: Language) -> list[Key]:
    """`count` different keys of a kind."""
    match kind:
        case "code":
            return [Key(text) for text in _digits(chance, count, 4)]
        case "number":
            return [Key(text) for text in _digits(chance, count, 3)]
        case "door":
            return [Key(str(n)) for n in chance.sample(range(11, 99), count)]
        case "time":
            return _times(chance, count, language)
        case "place":
            return [Key(text, _ALSO.get(text, ())) for text in chance.sample(PLACES[language], count)]
        case "name":
            texts = chance.sample(NAMES[language], count)
            return [Key(text, (text.removesuffix("牌"),) if language == "zh" else ()) for text in texts]


def _digits(chance: Chance, count: int, length: int) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        text = str(1 + chance.below(9)) + "".join(str(chance.below(10)) for _ in range(length - 1))
        if text not in found:
            found.append(text)
    return found


def _times(chance: Chance, count: int, language: Language) -> list[Key]:
    """Quarter hours of the afternoon; no two share an hour, so that "at four" means one of them at most."""
    style = chance.below(2)
    keys: list[Key] = []
    for hour in chance.sample(range(1, 10), count):
        minute = chance.pick((0, 15, 30, 45))
        clock = f"{hour + 12}:{minute:02d}"
        spoken = f"{hour}:{minute:02d} pm" if language == "en" else f"下午{hour}:{minute:02d}"
        keys.append(Key(clock, (spoken,)) if style else Key(spoken, (clock,)))
    return keys
