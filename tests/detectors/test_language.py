"""Languages that `embedded` does not judge are named; English, code, lists and names are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safesight.detectors.language import Languages
from safesight.detectors.ngrams import NGrams

UDHR = {
    "en": "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience "
    "and should act towards one another in a spirit of brotherhood.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen begabt "
    "und sollen einander im Geist der Brüderlichkeit begegnen.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de "
    "conscience et doivent agir les uns envers les autres dans un esprit de fraternité.",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón "
    "y conciencia, deben comportarse fraternalmente los unos con los otros.",
    "it": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati di ragione e "
    "di coscienza e devono agire gli uni verso gli altri in spirito di fratellanza.",
    "pt": "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Dotados de razão e de "
    "consciência, devem agir uns para com os outros em espírito de fraternidade.",
    "nl": "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren. Zij zijn begiftigd met verstand en "
    "geweten, en behoren zich jegens elkander in een geest van broederschap te gedragen.",
    "zh": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。",
    "ru": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью и "
    "должны поступать в отношении друг друга в духе братства.",
}
"""The first article of the Universal Declaration of Human Rights."""
SMALL_TALK = {
    "es": "La biblioteca abre a las nueve y cierra a las seis de la tarde todos los dias.",
    "fr": "La gare de la ville est pres de la place, a cote de la mairie et de la poste.",
    "it": "La stazione della citta e vicino alla piazza, di fronte alla posta e alla banca.",
    "pt": "A padaria da rua de cima abre cedo, e os pais de Ana compram pao na volta da escola.",
    "nl": "De winkel op de hoek van de straat is open, en de bakker is ook al wakker.",
    "vi": "Toi se cho ban biet khi nao cua hang mo cua, va ban co the den voi toi trong ngay nay.",
}
"""Without accents, and full of words that several languages have."""
ENGLISH = [
    "for i in range(10):\n    print(i, names[i])\nreturn sorted(names, key=len) # longest last, then by name x y z",
    "Los Angeles, San Diego, El Paso and Santa Fe are cities that the road from the coast would take you to.",
    "- eggs\n- flour\n- sugar\n- butter\n- salt\n- milk\n- yeast\n- jam\n- honey\n- oats\n- rice\n- beans\n- corn",
    "He said 'c'est la vie' and left, and they did not know what to do with the letter that he had written.",
]


def named(text: str, *, size: int = 1000) -> str:
    grams, languages, found = NGrams(), Languages(), ""
    for start in range(0, len(text), size):
        found = languages.feed(grams.feed(text[start : start + size]))
    return found


@pytest.mark.parametrize("name", UDHR)
def test_a_language_is_named_by_one_article_of_the_declaration(name: str) -> None:
    assert named(UDHR[name]) == ("" if name == "en" else name)


@pytest.mark.parametrize("name", SMALL_TALK)
def test_words_that_languages_share_count_for_none_alone(name: str) -> None:
    assert named(SMALL_TALK[name]) == name


@pytest.mark.parametrize("text", ENGLISH)
def test_code_lists_and_names_stay_english(text: str) -> None:
    assert named(text) == ""


def test_a_preface_in_english_hides_no_other_language() -> None:
    assert named(UDHR["en"] * 5 + UDHR["de"] * 3) == "de"


@given(st.integers(1, 60), st.sampled_from(sorted(UDHR)))
def test_chunks_change_nothing(size: int, name: str) -> None:
    assert named(UDHR["en"] + UDHR[name] * 2, size=size) == named(UDHR["en"] + UDHR[name] * 2)
