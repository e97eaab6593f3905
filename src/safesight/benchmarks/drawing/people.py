"""Simple standing figures: 100 wide, 190 high, told apart by hair, clothes and what they use."""

from __future__ import annotations

from dataclasses import dataclass

from safesight.benchmarks.drawing.pen import INK, Pen

SKINS = ("#f6d7b8", "#e8b98d", "#c98d5e", "#9a643c", "#6e452a")
HAIRS = {"black": "#2b2522", "brown": "#6b4226", "blond": "#e0b656", "red": "#b6522a", "grey": "#b9bec4"}
_CLOTH = "#3f7f86"


@dataclass(frozen=True, slots=True)
class Figure:
    """One person: a label below, a bubble above, and a look.

    `look` is a few words: skin 0-4, hair (short, long, bun, curls, bald, scarf, cap) and its colour, a mood
    (glad, sad, cross), and extras (glasses, beard, moustache, chair, crutch, tie, apron, skirt, bag, officer).
    """

    label: str
    says: str = ""
    look: str = ""
    top: str = "#4f8ec9"
    who: str = ""
    """What the description calls the person, where the label alone does not tell."""

    @property
    def words(self) -> set[str]:
        """The words of the look."""
        return set(self.look.split())


def draw_figure(pen: Pen, figure: Figure) -> None:
    """Draw the figure from (0, 0) to (100, 190)."""
    words = figure.words
    skin = next((SKINS[int(w)] for w in words if w.isdigit()), SKINS[1])
    hair = next((HAIRS[w] for w in HAIRS if w in words), HAIRS["brown"])
    pen.oval(14, 180, 86, 194, fill="#c9c3b4")
    if "chair" in words:
        _wheelchair(pen)
    else:
        _legs(pen, words)
    _back_hair(pen, words, hair)
    _body(pen, words, skin, figure.top)
    pen.box(44, 62, 56, 78, fill=skin, round_px=3)
    pen.disc(50, 44, 24, fill=skin)
    _front_hair(pen, words, hair, skin)
    _face(pen, words, hair)
    if "crutch" in words:
        pen.line(88, 92, 84, 186, fill="#8b6f4e", width=4)
        pen.line(80, 92, 96, 92, fill="#8b6f4e", width=5)


def _legs(pen: Pen, words: set[str]) -> None:
    if "skirt" in words:
        pen.shape(30, 128, 70, 128, 80, 162, 20, 162, fill="#59507a")
    for x in (36, 54):
        pen.box(x, 130, x + 11, 180, fill="#3d4a5c" if "skirt" not in words else "#e2b48c", round_px=4)
        pen.box(x - 3, 176, x + 12, 186, fill="#2c2c34", round_px=4)
    if "skirt" in words:
        pen.shape(30, 126, 70, 126, 80, 160, 20, 160, fill="#59507a")


def _wheelchair(pen: Pen) -> None:
    pen.box(22, 90, 30, 150, fill="#5b6673", round_px=3)
    pen.box(24, 142, 78, 150, fill="#5b6673", round_px=3)
    pen.box(40, 126, 74, 144, fill="#3d4a5c", round_px=6)
    pen.box(66, 130, 76, 178, fill="#3d4a5c", round_px=4)
    pen.box(66, 174, 86, 183, fill="#2c2c34", round_px=4)
    pen.disc(40, 160, 25, fill=None, line="#39424c", width=5)
    pen.disc(40, 160, 4, fill="#39424c")
    pen.disc(80, 179, 8, fill=None, line="#39424c", width=4)


def _body(pen: Pen, words: set[str], skin: str, top: str) -> None:
    pen.line(33, 88, 20, 122, fill=top, width=12)
    pen.line(67, 88, 80, 122, fill=top, width=12)
    pen.disc(19, 128, 7, fill=skin)
    pen.disc(81, 128, 7, fill=skin)
    pen.box(28, 74, 72, 138, fill=top, round_px=13)
    if "apron" in words:
        pen.box(36, 90, 64, 138, fill="#fbf6ea", round_px=5)
    if "tie" in words:
        pen.shape(45, 76, 55, 76, 50, 84, fill="#fbf6ea")
        pen.shape(47, 82, 53, 82, 55, 112, 50, 118, 45, 112, fill="#a33b3b")
    if "bag" in words:
        pen.line(34, 78, 66, 128, fill="#8b5a2b", width=4)
        pen.box(58, 120, 90, 148, fill="#a86c34", round_px=6)
        pen.box(58, 120, 90, 131, fill="#8b5a2b", round_px=6)


def _back_hair(pen: Pen, words: set[str], hair: str) -> None:
    if "long" in words:
        pen.box(23, 26, 77, 98, fill=hair, round_px=22)
    elif "bun" in words:
        pen.disc(50, 14, 13, fill=hair)
    elif "curls" in words:
        for x, y in ((28, 34), (30, 50), (72, 34), (70, 50), (38, 22), (62, 22), (50, 18)):
            pen.disc(x, y, 13, fill=hair)
    elif "scarf" in words:
        pen.box(21, 14, 79, 94, fill=_CLOTH, round_px=27)


def _front_hair(pen: Pen, words: set[str], hair: str, skin: str) -> None:
    if "bald" in words:
        pen.pie(26, 20, 74, 68, 165, 200, fill=hair)
        pen.pie(26, 20, 74, 68, 340, 375, fill=hair)
    elif "scarf" in words:
        pen.disc(50, 44, 29, fill=_CLOTH)
        pen.shape(36, 62, 64, 62, 60, 84, 40, 84, fill=_CLOTH)
        pen.oval(31, 25, 69, 68, fill=skin)
    elif "cap" in words:
        crown, peak = ("#35618e", "#22405f") if "officer" in words else ("#c4483f", "#a33b3b")
        pen.pie(25, 18, 75, 66, 180, 360, fill=crown)
        pen.box(48, 36, 86, 43, fill=peak, round_px=3)
    else:
        pen.pie(24, 17, 76, 67, 190, 350, fill=hair)
        pen.disc(29, 38, 6, fill=hair)
        pen.disc(71, 38, 6, fill=hair)


def _face(pen: Pen, words: set[str], hair: str) -> None:
    pen.disc(41, 46, 2.8, fill=INK)
    pen.disc(59, 46, 2.8, fill=INK)
    if "sad" in words:
        pen.arc(42, 56, 58, 68, 200, 340, fill=INK, width=2.4)
    elif "cross" in words:
        pen.line(42, 59, 58, 59, fill=INK, width=2.4)
        pen.line(36, 38, 45, 41, fill=INK, width=2.4)
        pen.line(64, 38, 55, 41, fill=INK, width=2.4)
    else:
        pen.arc(41, 48, 59, 62, 20, 160, fill=INK, width=2.4)
    if "glasses" in words:
        pen.disc(41, 46, 7, fill=None, line="#39424c", width=2)
        pen.disc(59, 46, 7, fill=None, line="#39424c", width=2)
        pen.line(48, 46, 52, 46, fill="#39424c", width=2)
    if "moustache" in words:
        pen.box(40, 53, 60, 58, fill=hair, round_px=2)
    if "beard" in words:
        pen.pie(28, 28, 72, 76, 25, 155, fill=hair)
        pen.arc(42, 56, 58, 66, 20, 160, fill="#f6d7b8", width=2.4)
