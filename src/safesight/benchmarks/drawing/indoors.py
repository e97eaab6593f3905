"""Things of home, school, office and pocket; and people as small pictures."""

from __future__ import annotations

from safesight.benchmarks.drawing.icon import icon
from safesight.benchmarks.drawing.pen import INK, NAVY, PAPER, Pen
from safesight.benchmarks.drawing.people import Figure, draw_figure


@icon("plate", "a plate with a warm meal", "一盘热饭")
def _plate(p: Pen) -> None:
    p.oval(8, 50, 92, 88, fill="#ffffff", line="#b9c2cc", width=3)
    p.oval(22, 56, 78, 80, fill="#eef2f5")
    p.pie(26, 38, 66, 84, 180, 360, fill="#e9b44c")
    p.disc(64, 62, 10, fill="#7fb069")
    p.disc(52, 66, 7, fill="#c8553d")
    for x in (36, 48, 60):
        p.line(x, 32, x + 4, 26, x, 20, x + 4, 12, fill="#b9c2cc", width=3)


@icon("headphones", "a pair of headphones", "一副耳机")
def _headphones(p: Pen) -> None:
    p.arc(16, 14, 84, 96, 180, 360, fill="#35414e", width=8)
    p.box(10, 52, 30, 90, fill="#c4483f", round_px=8)
    p.box(70, 52, 90, 90, fill="#c4483f", round_px=8)


@icon("phone", "a mobile phone", "一部手机")
def _phone(p: Pen) -> None:
    p.box(28, 4, 72, 96, fill="#2c3640", round_px=8)
    p.box(32, 14, 68, 84, fill="#bfe3f5", round_px=2)
    p.box(36, 22, 60, 34, fill="#ffffff", round_px=5)
    p.box(42, 40, 64, 52, fill="#9ed29b", round_px=5)
    p.box(36, 58, 58, 70, fill="#ffffff", round_px=5)
    p.disc(50, 90, 3, fill="#8894a0")


@icon("gloves", "a pair of boxing gloves", "一副拳击手套")
def _gloves(p: Pen) -> None:
    for x, colour in ((4, "#c4483f"), (50, "#b23b34")):
        p.box(x, 18, x + 44, 66, fill=colour, round_px=20)
        p.disc(x + (38 if x < 10 else 8), 52, 11, fill="#d9665d")
        p.box(x + 8, 62, x + 36, 82, fill="#f2ead8", round_px=4)
        p.line(x + 12, 72, x + 32, 72, fill="#c9bda2", width=3)


@icon("scale", "a bathroom scale", "一台体重秤")
def _scale(p: Pen) -> None:
    p.box(10, 26, 90, 92, fill="#9fb7c9", round_px=12)
    p.box(10, 26, 90, 84, fill="#c3d5e2", round_px=12)
    p.pie(28, 30, 72, 74, 180, 360, fill="#ffffff")
    p.line(50, 52, 62, 38, fill="#c4483f", width=3)
    p.box(22, 60, 42, 76, fill="#a9bfce", round_px=5)
    p.box(58, 60, 78, 76, fill="#a9bfce", round_px=5)


@icon("wallet", "a leather wallet", "一个钱包")
def _wallet(p: Pen) -> None:
    p.box(20, 20, 84, 40, fill="#9ed29b", round_px=3)
    p.box(8, 28, 92, 86, fill="#8b5a2b", round_px=9)
    p.box(8, 28, 92, 40, fill="#a86c34", round_px=6)
    p.box(62, 50, 94, 68, fill="#6b4220", round_px=7)
    p.disc(71, 59, 4, fill="#f2c14e")


@icon("card", "a bank card", "一张银行卡")
def _card(p: Pen) -> None:
    p.box(4, 20, 96, 80, fill="#35618e", round_px=8)
    p.box(14, 36, 32, 50, fill="#f2c14e", round_px=3)
    p.line(14, 62, 60, 62, fill="#bcd3ea", width=4)
    p.disc(76, 66, 8, fill="#d9665d")
    p.disc(84, 66, 8, fill="#e9b44c")


@icon("fanscarf", "a red fan scarf", "一条红色球迷围巾")
def _fanscarf(p: Pen) -> None:
    for x, y, colour in ((4, 30, "#c4483f"), (12, 60, "#b23b34")):
        p.box(x, y, x + 84, y + 24, fill=colour, round_px=3)
        for dx in (12, 36, 60):
            p.box(x + dx, y, x + dx + 12, y + 24, fill="#fffdf7")
        for dy in (4, 12, 20):
            p.line(x + 84, y + dy, x + 90, y + dy, fill=colour, width=3)
    p.arc(-4, 30, 24, 84, 90, 270, fill="#a3352f", width=7)


@icon("family", "a family with suitcases", "带着行李的一家人")
def _family(p: Pen) -> None:
    for x, y, colour, tall in ((12, 22, "#4f8ec9", 50), (42, 26, "#c98a4f", 46), (68, 44, "#7fb069", 30)):
        p.disc(x + 10, y, 9, fill="#c98d5e")
        p.box(x, y + 10, x + 20, y + 10 + tall, fill=colour, round_px=8)
    p.box(78, 66, 100, 88, fill="#8b5a2b", round_px=4)
    p.arc(83, 58, 95, 74, 180, 360, fill="#5a3a1c", width=3)


@icon("basket", "a hand picking one thing", "一只伸出的手")
def _basket(p: Pen) -> None:
    p.box(0, 60, 36, 84, fill="#4f8ec9", round_px=4)
    p.box(30, 58, 66, 84, fill="#e8b98d", round_px=10)
    for y in (56, 64, 72):
        p.line(58, y + 4, 84, y, fill="#e8b98d", width=8)
    p.line(44, 60, 66, 42, fill="#e8b98d", width=9)
    p.disc(82, 44, 15, fill="#d9463d")
    p.line(82, 32, 86, 22, fill="#7a5230", width=4)


@icon("book", "an open book", "一本打开的书")
def _book(p: Pen) -> None:
    p.shape(4, 24, 50, 34, 50, 90, 4, 80, fill="#35618e")
    p.shape(96, 24, 50, 34, 50, 90, 96, 80, fill="#35618e")
    p.shape(9, 20, 50, 30, 50, 84, 9, 74, fill=PAPER)
    p.shape(91, 20, 50, 30, 50, 84, 91, 74, fill="#f0ead9")
    for y in (36, 46, 56):
        p.line(17, y, 42, y + 6, fill="#a9b3bd", width=2.5)
        p.line(58, y + 6, 83, y, fill="#a9b3bd", width=2.5)


@icon("megaphone", "a megaphone", "一个喇叭")
def _megaphone(p: Pen) -> None:
    p.shape(24, 40, 74, 14, 74, 82, 24, 58, fill="#e8a15a")
    p.box(10, 38, 30, 60, fill="#c4763a", round_px=5)
    p.box(70, 10, 80, 86, fill="#c4763a", round_px=5)
    p.shape(26, 60, 42, 64, 46, 88, 34, 88, fill="#8b5a2b")
    for r in (10, 18):
        p.arc(80 - r, 48 - r, 80 + r, 48 + r, 310, 410, fill=INK, width=3)


@icon("diary", "a diary with a lock", "一本带锁的日记")
def _diary(p: Pen) -> None:
    p.box(18, 6, 82, 96, fill="#9c4f7c", round_px=7)
    p.box(18, 6, 32, 96, fill="#7d3c62", round_px=5)
    p.box(42, 18, 74, 34, fill="#f6dcea", round_px=3)
    p.box(70, 52, 92, 72, fill="#f2c14e", round_px=4)
    p.arc(73, 40, 89, 64, 180, 360, fill="#b98f2c", width=4)
    p.disc(81, 62, 3, fill="#6b4220")


@icon("question", "a question mark", "一个问号")
def _question(p: Pen) -> None:
    p.disc(50, 50, 42, fill="#f7efd9", line="#d8b45f", width=4)
    p.text(50, 51, "?", 62, bold=True, fill=NAVY)


@icon("sofa", "an old sofa", "一张旧沙发")
def _sofa(p: Pen) -> None:
    p.box(14, 26, 86, 70, fill="#8d7b9c", round_px=12)
    p.box(4, 46, 24, 84, fill="#76658a", round_px=9)
    p.box(76, 46, 96, 84, fill="#76658a", round_px=9)
    p.box(20, 58, 80, 84, fill="#a594b3", round_px=6)
    p.box(54, 34, 70, 48, fill="#d8c27a", round_px=2)
    p.line(30, 40, 38, 48, 46, 40, fill="#5a4b6b", width=2)
    for x in (14, 80):
        p.box(x, 84, x + 6, 94, fill="#4d3a28")


@icon("window", "a window", "一扇窗户")
def _window(p: Pen) -> None:
    p.box(12, 8, 88, 88, fill="#8a6b4a", round_px=3)
    p.box(19, 15, 81, 81, fill="#bfe3f5")
    p.line(50, 15, 50, 81, fill="#8a6b4a", width=5)
    p.line(19, 48, 81, 48, fill="#8a6b4a", width=5)
    p.box(6, 86, 94, 96, fill="#73573a", round_px=3)


@icon("letter", "a sealed letter", "一封信")
def _letter(p: Pen) -> None:
    p.box(4, 20, 96, 84, fill=PAPER, round_px=4, line="#c9bda2", width=3)
    p.line(6, 24, 50, 58, 94, 24, fill="#c9bda2", width=4)
    p.disc(50, 58, 9, fill="#c4483f")


@icon("laptop", "a laptop", "一台笔记本电脑")
def _laptop(p: Pen) -> None:
    p.box(16, 18, 84, 70, fill="#35414e", round_px=5)
    p.box(21, 23, 79, 65, fill="#cfe6f5")
    p.box(28, 30, 60, 38, fill="#ffffff", round_px=2)
    p.box(28, 44, 72, 50, fill="#ffffff", round_px=2)
    p.shape(10, 72, 90, 72, 99, 86, 1, 86, fill="#8b97a3")


@icon("robot", "a small robot", "一个小机器人")
def _robot(p: Pen) -> None:
    p.line(50, 18, 50, 8, fill="#7b8794", width=4)
    p.disc(50, 7, 5, fill="#d9665d")
    p.box(28, 18, 72, 48, fill="#a9bfce", round_px=8)
    p.disc(41, 32, 6, fill="#22303f")
    p.disc(59, 32, 6, fill="#22303f")
    p.box(22, 52, 78, 88, fill="#8fa9bb", round_px=8)
    p.box(38, 60, 62, 76, fill="#f2c14e", round_px=3)
    p.line(22, 60, 8, 76, fill="#7b8794", width=6)
    p.line(78, 60, 92, 76, fill="#7b8794", width=6)


@icon("trophy", "a trophy", "一座奖杯")
def _trophy(p: Pen) -> None:
    p.arc(8, 16, 44, 54, 90, 270, fill="#d8a93c", width=6)
    p.arc(56, 16, 92, 54, 270, 450, fill="#d8a93c", width=6)
    p.box(26, 10, 74, 36, fill="#f2c14e")
    p.pie(26, 10, 74, 62, 0, 180, fill="#f2c14e")
    p.box(45, 60, 55, 80, fill="#d8a93c")
    p.box(30, 78, 70, 94, fill="#6b4226", round_px=3)


@icon("bed", "a bed", "一张床")
def _bed(p: Pen) -> None:
    p.box(2, 24, 12, 92, fill="#7a5230", round_px=4)
    p.box(88, 46, 98, 92, fill="#7a5230", round_px=4)
    p.box(8, 58, 94, 80, fill="#7aa5cf", round_px=5)
    p.box(14, 46, 42, 62, fill="#ffffff", round_px=8)


@icon("camera", "a camera", "一台相机")
def _camera(p: Pen) -> None:
    p.box(6, 30, 94, 86, fill="#35414e", round_px=9)
    p.box(34, 18, 62, 36, fill="#35414e", round_px=5)
    p.disc(50, 58, 21, fill="#8fa9bb")
    p.disc(50, 58, 14, fill="#22303f")
    p.disc(44, 52, 4, fill="#cfe6f5")
    p.box(76, 38, 88, 46, fill="#f2c14e", round_px=2)


@icon("ticket", "a paper ticket", "一张门票")
def _ticket(p: Pen) -> None:
    p.box(4, 26, 96, 76, fill="#f2c14e", round_px=6)
    p.disc(4, 51, 8, fill="#f4efe4")
    p.disc(96, 51, 8, fill="#f4efe4")
    for y in (32, 42, 52, 62, 70):
        p.line(70, y, 70, y + 3, fill="#8b6544", width=3)
    p.line(18, 44, 58, 44, fill="#8b6544", width=5)
    p.line(18, 58, 46, 58, fill="#8b6544", width=4)


@icon("girl", "a girl", "一个女孩")
def _girl(p: Pen) -> None:
    draw_figure(p.within(22, 0, 0.51), Figure("", "", "long brown 1 skirt", "#d9a13f"))


@icon("two", "two people", "两个人")
def _two(p: Pen) -> None:
    draw_figure(p.within(0, 0, 0.51), Figure("", "", "bun brown 2 skirt", "#8a5a86"))
    draw_figure(p.within(48, 0, 0.51), Figure("", "", "cap 3", "#4f8ec9"))
