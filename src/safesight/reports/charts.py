"""The report's charts: Vega-Lite by Altair, drawn to SVG or PNG when the page is made.

Invariant: a chart's text is data to Vega, which escapes it; ink is `currentColor` in the page, so one drawing serves
light and dark. Colours are Okabe and Ito's, told apart by colour-blind readers too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from safesight.core.errors import ConfigError, MissingExtra
from safesight.explain.modes.modes import MODES, NAMES
from safesight.explain.reference import published
from safesight.reports.parts import Modes
from safesight.runner.paired import Pairing

if TYPE_CHECKING:
    import altair as alt

    from safesight.analysis.outcomes import Outcomes
    from safesight.explain.capability.capability import Point
    from safesight.reports.layers import Layers

_INK: Final = "#010203"
"""Stands for the page's ink; no other drawing uses it."""
_COLOURS: Final = ("#009E73", "#E69F00", "#56B4E9", "#D55E00")
_RUNS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_SHARES: Final = {"attack_success": "attack success", "over_refusal": "over-refusal", "accuracy": "utility (accuracy)"}
_TIMES: Final = {"latency_ms": "whole answer", "ttft_ms": "first text"}


def _altair() -> Any:
    try:
        import altair
    except ImportError:
        raise MissingExtra("altair", "report") from None
    return altair


def _drawer() -> Any:
    try:
        import vl_convert
    except ImportError:
        raise MissingExtra("vl-convert-python", "report") from None
    return vl_convert


def paired(pairs: Sequence[Pairing], judge: str) -> alt.TopLevelMixin | None:
    """Before and after as paired dots: shares in percent, and times in ms; None without a comparison."""
    chosen = [pair.found for pair in pairs if pair.judge == judge]
    panels = [_dots(chosen, _SHARES, "% of paired cases", 100.0), _dots(chosen, _TIMES, "mean, ms", 1.0)]
    drawn = [panel for panel in panels if panel is not None]
    return _altair().hconcat(*drawn, spacing=60).resolve_scale(color="shared", shape="shared") if drawn else None


def _dots(found: Sequence[Any], metrics: Mapping[str, str], title: str, scale: float) -> alt.LayerChart | None:
    alt = _altair()
    rows = [
        {"measure": _row_name(metrics[row.metric], one.after, len(found)), "run": when, "value": value * scale}
        for one in found
        for row in one.overall
        if row.metric in metrics
        for when, value in (("before", row.before), ("after", row.after))
        if value is not None
    ]
    if not rows:
        return None
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("value:Q", title=title, scale=alt.Scale(domainMin=0), axis=alt.Axis(tickCount=5)),
        y=alt.Y("measure:N", title=None, sort=None, axis=alt.Axis(labelLimit=330)),
    )
    line = base.mark_line(color=_INK, opacity=0.45, strokeWidth=2).encode(detail="measure:N")
    dots = base.mark_point(filled=True, size=120, opacity=1).encode(
        color=alt.Color(
            "run:N",
            title=None,
            sort=["before", "after"],
            scale=alt.Scale(domain=["before", "after"], range=["#D55E00", "#0072B2"]),
        ),
        shape=alt.Shape("run:N", title=None, sort=["before", "after"], scale=alt.Scale(domain=["before", "after"])),
    )
    return (line + dots).properties(width=300, height=alt.Step(34))


def _row_name(measure: str, after: str, runs: int) -> str:
    return measure if runs == 1 else f"{measure}, {after}"


def modes(ours: Sequence[Modes]) -> alt.Chart:
    """Stacked bars of response modes: ours first, then the published models."""
    alt = _altair()
    shares = [(one.label, {m: one.table.shares[m].value or 0.0 for m in MODES}) for one in ours]
    shares += [(row.model, row.shares) for row in published().modes]
    rows = [
        {"model": name, "mode": f"{mode} {NAMES[mode]}", "share": 100 * share[mode], "order": i}
        for name, share in shares
        for i, mode in enumerate(MODES)
    ]
    titles = [f"{mode} {NAMES[mode]}" for mode in MODES]
    return (
        alt.Chart(alt.Data(values=rows))
        .mark_bar()
        .encode(
            x=alt.X("share:Q", title="% of safe answers", scale=alt.Scale(domain=[0, 100])),
            y=alt.Y("model:N", title=None, sort=[name for name, _ in shares], axis=alt.Axis(labelLimit=330)),
            color=alt.Color(
                "mode:N", title=None, sort=titles, scale=alt.Scale(domain=titles, range=list(_COLOURS))
            ).legend(orient="top", columns=2),
            order="order:Q",
        )
        .properties(width=560, height=alt.Step(19))
    )


def scatter(points: Sequence[Point], *, risk: str) -> alt.LayerChart:
    """Capability against risk, one dot a model."""
    alt = _altair()
    rows = [{"model": p.model, "score": p.score, "risk": 100 * p.risk, "family": p.family or "?"} for p in points]
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("score:Q", title="capability score", scale=alt.Scale(zero=False, padding=24)),
        y=alt.Y("risk:Q", title=risk, scale=alt.Scale(zero=False, padding=16)),
    )
    dots = base.mark_point(filled=True, size=90, color="#0072B2", opacity=1)
    return (dots + base.mark_text(dy=-11, color=_INK).encode(text="model:N")).properties(width=560, height=320)


def outcomes(found: Mapping[str, Outcomes]) -> alt.LayerChart | None:
    """Risk over capability, in percent, with intervals and the diagonal; None where neither is defined."""
    alt = _altair()
    rows = [
        {
            "run": name,
            "capability": 100 * one.capability.value,
            "risk": 100 * one.risk.value,
            "left": 100 * (one.capability.low or 0.0),
            "right": 100 * (1.0 if one.capability.high is None else one.capability.high),
            "low": 100 * (one.risk.low or 0.0),
            "high": 100 * (1.0 if one.risk.high is None else one.risk.high),
        }
        for name, one in found.items()
        if one.capability.value is not None and one.risk.value is not None
    ]
    if not rows:
        return None
    whole = alt.Scale(domain=[0, 100])
    base = alt.Chart(alt.Data(values=rows))
    x, y = alt.X("capability:Q", title="capability, %", scale=whole), alt.Y("risk:Q", title="risk, %", scale=whole)
    # Vega joins two legends into one where they say the same of themselves.
    names, legend = [row["run"] for row in rows], alt.Legend(orient="top", columns=1)
    colour = alt.Color("run:N", title=None, scale=alt.Scale(domain=names, range=list(_RUNS)), legend=legend)
    shape = alt.Shape("run:N", title=None, scale=alt.Scale(domain=names), legend=legend)
    across = base.mark_rule(strokeWidth=2).encode(x=alt.X("left:Q", scale=whole), x2="right:Q", y=y, color=colour)
    up = base.mark_rule(strokeWidth=2).encode(x=x, y=alt.Y("low:Q", scale=whole), y2="high:Q", color=colour)
    dots = base.mark_point(filled=True, size=130, opacity=1).encode(x=x, y=y, color=colour, shape=shape)
    ends = alt.Data(values=[{"capability": 0, "risk": 0}, {"capability": 100, "risk": 100}])
    diagonal = alt.Chart(ends).mark_line(color=_INK, opacity=0.3, strokeDash=[4, 4]).encode(x=x, y=y)
    return (diagonal + across + up + dots).properties(width=360, height=360)


def entropy(found: Layers) -> alt.Chart:
    """A probe's statistic by layer and head."""
    alt = _altair()
    rows = [
        {"layer": layer, "head": head, "value": value}
        for layer, heads in enumerate(found.values)
        for head, value in enumerate(heads)
        if not math.isnan(value)
    ]
    return (
        alt.Chart(alt.Data(values=rows))
        .mark_rect()
        .encode(
            x=alt.X("head:O", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("layer:O", axis=alt.Axis(labelOverlap=True)),
            color=alt.Color("value:Q", title=found.statistic, scale=alt.Scale(scheme="viridis")),
        )
        .properties(width=alt.Step(16), height=alt.Step(14))
    )


def to_svg(chart: alt.TopLevelMixin, *, ink: str = "currentColor") -> str:
    """The drawing as an SVG element; `ink` colours text, axes and rules."""
    return _drawer().vegalite_to_svg(_styled(chart)).replace(_INK, ink)


def save(charts: Mapping[str, alt.TopLevelMixin], folder: Path) -> list[Path]:
    """Write every chart as SVG and PNG (at twice the size, on white), for papers.

    Raises:
        ConfigError: the folder cannot be written.
    """
    paths: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, chart in charts.items():
            drawing = to_svg(chart, ink="#111111")
            (folder / f"{name}.svg").write_text(drawing, encoding="utf-8")
            (folder / f"{name}.png").write_bytes(_drawer().vegalite_to_png(_styled(chart, background="white"), scale=2))
            paths += [folder / f"{name}.svg", folder / f"{name}.png"]
    except OSError as error:
        raise ConfigError(f"{folder}: cannot write figures there: {error}. Choose another --figures.") from None
    return paths


def _styled(chart: alt.TopLevelMixin, *, background: str | None = None) -> dict[str, Any]:
    words = {
        "labelColor": _INK,
        "titleColor": _INK,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    }
    font = "system-ui, 'Noto Sans', 'Noto Sans CJK SC', sans-serif"
    config = {
        "background": background,
        "padding": {"left": 24, "right": 8, "top": 8, "bottom": 8},
        "font": font,
        "view": {"stroke": None},
        "axis": {**words, "domainColor": _INK, "tickColor": _INK, "gridColor": _INK, "gridOpacity": 0.15},
        "legend": {**words, "labelLimit": 450},
    }
    return {**chart.to_dict(), "config": config}
