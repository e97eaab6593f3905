"""Which language a growing text is in, as far as a detector that judges English must know: English, or which other one.

By script, and for Latin letters by function words that English does not have; a language is only named on evidence for
it, so that code, lists and names stay English. Tokens are counted in blocks: a text that turns to another language is
noticed within one, whatever stood before. Words are in their normal form (`core.normal_form`): without accents.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from safesight.detectors.ngrams import Step

BLOCK: Final = 48
"""Tokens of a block; a language is named from `LEAST` of them on."""
LEAST: Final = 12
_ENGLISH: Final = frozenset(
    re.findall(
        r"\S+",
        "the of and to is that it for you with this are be have not by or from but what can your which we they their "
        "will if one would there has more when about out up how who them then she he his its these than into some "
        "could only my our should because been were had do does did don't isn't i'm it's you're",
    )
)
_LATIN: Final[dict[str, str]] = {
    "de": "der das und nicht ist ein eine einen einem eines mit auf fur sich auch wird sind werden oder aber wenn ich "
    "du wir ihr konnen kann uber durch nach bei zum zur dass wie noch nur schon mein dein ihre keine sehr haben sie",
    "fr": "le la les des une est dans pour qui que pas vous nous avec sur cette ce sont mais ou aux ses leur plus tout "
    "etre avoir faire votre ces ils elle je comme tres peut du et par au d'une c'est il de en tu toi ni",
    "es": "el los las una es para por con que como pero mas esta este son puede ser sus muy hay cuando tambien todo "
    "desde donde porque sobre entre usted tu su yo lo del al y se nos de en ya ni",
    "it": "il di che e per una non con sono della dei delle nel alla questo questa piu come anche puo essere gli ma "
    "perche tuo suo quando molto tutti ogni loro lo dal ai ed ci la le da tu se",
    "pt": "os as uma para nao com que por mais como mas foi ser sao voce isso este essa pode muito tambem quando pelo "
    "pela seu sua dos das ao em um eu ele ela ou de da na se tu",
    "nl": "het een van en niet dat zijn voor met op aan ook bij maar als je wij deze worden kan naar door uit nog wel "
    "hebben om zo geen wordt uw ik de",
    "pl": "nie sie na jest to ze do jak ale czy przez dla od tak juz tylko jego moze bardzo byc oraz ktory przed",
    "sv": "och att det som en pa ar av med den till inte om har jag du vi kan ett var men eller ska",
    "tr": "bir ve bu icin ile olarak daha cok gibi olan ama degil sen ben ne kadar sonra veya her",
    "id": "yang dan di untuk dengan ini itu dari tidak pada adalah akan dalam bisa kamu anda saya atau juga karena "
    "lebih oleh mereka sebagai",
    "vi": "la cua va co cho khong nhung mot cac duoc trong voi nguoi ban toi nay de khi cung nhu tu",
    "sw": "ya na wa kwa ni katika za la kuwa hii cha kama au lakini wewe mimi yako",
}
_OTHER: Final[dict[str, list[str]]] = {}
for _name, _words in _LATIN.items():
    for _word in set(_words.split()) - _ENGLISH:
        if len(_word) > 1:
            _OTHER.setdefault(_word, []).append(_name)
_SCRIPTS: Final = (
    (0x0370, 0x0400, "el"),
    (0x0400, 0x0530, "ru"),
    (0x0590, 0x0600, "he"),
    (0x0600, 0x0780, "ar"),
    (0x0900, 0x0980, "hi"),
    (0x0980, 0x0A00, "bn"),
    (0x0B80, 0x0C00, "ta"),
    (0x0E00, 0x0E80, "th"),
    (0x1100, 0x1200, "ko"),
    (0x3040, 0x3100, "ja"),
    (0x3400, 0xA000, "zh"),
    (0xAC00, 0xD7B0, "ko"),
)


_BEYOND_LATIN: Final = "\u0370"


def _script(token: str) -> str:
    """The language whose script a token is in; "" for marks, "other" for letters of the rest."""
    code = ord(token[0])
    return next((name for low, high, name in _SCRIPTS if low <= code < high), "other" if token[0].isalpha() else "")


class Languages:
    """The other language of a block that ended, or of the one being read."""

    __slots__ = ("_counts", "_english", "_found", "_other", "_tokens")

    def __init__(self) -> None:
        self._found = ""
        self._counts: dict[str, float] = {}
        """Function words by language; one that several have counts in parts."""
        self._english = self._other = self._tokens = 0

    def feed(self, steps: Sequence[Step]) -> str:
        """Add tokens; returns the other language that some of the text is in, "" for English or too little text."""
        counts = self._counts
        for token, _, _ in steps:
            if token in _ENGLISH:
                self._english += 1
            elif token in _OTHER:
                self._other += 1
                names = _OTHER[token]
                for name in names:
                    counts[name] = counts.get(name, 0.0) + 1 / len(names)
            elif token >= _BEYOND_LATIN and (name := _script(token)):
                self._other += 1
                counts[name] = counts.get(name, 0.0) + 1
            self._tokens += 1
            if self._tokens == BLOCK:
                self._found = self._found or self._named()
                counts.clear()
                self._english = self._other = self._tokens = 0
        return self._found or (self._named() if self._tokens >= LEAST else "")

    def _named(self) -> str:
        if self._other * 6 < self._tokens or self._other <= 2 * self._english:
            return ""
        return max(self._counts, key=lambda name: self._counts[name])
