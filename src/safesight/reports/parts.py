"""The report's later sections as tables: response modes, capability, entropy, judge agreement, what was left out.

Invariant: a section whose data nobody recorded says so and names the command that records it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from safesight.analysis.agreement import agreement
from safesight.analysis.stats import Estimate
from safesight.explain.capability.capability import Point, capability_table
from safesight.explain.modes.modes import MODES, NAMES, ModeTable, mode_table
from safesight.explain.reference import published, published_benchmark
from safesight.reports import words
from safesight.reports.layers import Layers
from safesight.runner.results import Results


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """A table of text; the first column names the row."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One section. `missing` and `command` say what was not recorded and what records it."""

    id: str
    title: str
    text: str = ""
    figure: str = ""
    missing: str = ""
    command: str = ""
    tables: tuple[Grid, ...] = ()
    notes: tuple[str, ...] = ()


class Modes(msgspec.Struct, frozen=True, kw_only=True):
    """The mode table of one run under one judge and labeller; `label` names it in a chart."""

    name: str
    table: ModeTable
    label: str = ""


def mode_tables(runs: Sequence[Results]) -> list[Modes]:
    """One table for each run, judge and labeller with a sorted answer."""
    found: list[Modes] = []
    for run in runs:
        for labeller in sorted({label.labeller for label in run.modes}):
            for judge in (name for name in run.judges if name not in run.silenced):
                table = mode_table(run.judged(judge), run.modes, judge=judge, labeller=labeller)
                if sum(table.counts.values()):
                    label = f"{run.name}, {judge}" if len(run.judges) > 1 else run.name
                    found.append(Modes(name=run.name, table=table, label=label))
    return found


def modes_part(runs: Sequence[Results], ours: Sequence[Modes], *, figure: str) -> Part:
    """How safe answers were safe, the published models beside."""
    reference = published()
    rows = [
        (
            one.name,
            one.table.judge,
            one.table.labeller,
            str(one.table.safe),
            *(_share(one.table.shares[mode]) for mode in MODES),
        )
        for one in ours
    ]
    rows += [
        (
            f"{row.model} (published)",
            "HarmBench",
            reference.modes_labeller,
            "?",
            *(words.percent(row.shares[m]) for m in MODES),
        )
        for row in reference.modes
    ]
    key = ", ".join(f"{mode} {name}" for mode, name in NAMES.items())
    return Part(
        id="modes",
        title="How safe answers were safe",
        text="An answer can be judged safe because the model understood and declined, or because it missed the point. "
        + f"{key}. Shares of the answers that the judge called safe, in percent.",
        figure=figure,
        missing="" if ours else "nobody sorted these runs' safe answers.",
        command="" if ours else f"safesight explain modes {' '.join(run.path.name for run in runs)}",
        tables=(Grid(columns=("model", "judge", "sorted by", "safe answers", *MODES), rows=tuple(rows)),),
        notes=(
            f"Published rows: {reference.source}; judge {reference.judge}. Another judge, labeller and data: read the "
            "rows side by side, not as a ranking.",
            *(
                f"{one.label}: left out {words.left_out(one.table.left_out)} of {one.table.safe} safe answers."
                for one in ours
                if one.table.left_out
            ),
            *(
                ("rules: sorted by rule, 5 of 14 fresh answers right; drawn in no figure. Better: --labeller MODEL.",)
                if _by_rules(ours)
                else ()
            ),
        ),
    )


def _by_rules(tables: Sequence[Modes]) -> bool:
    return any(one.table.labeller == "rules" for one in tables)


def _share(estimate: Estimate) -> str:
    return f"{words.percent(estimate.value)} {words.interval(estimate)}".rstrip()


def entropy_part(runs: Sequence[Results], found: Sequence[Layers], *, figure: str) -> Part:
    """Where attention was spread or narrow."""
    return Part(
        id="entropy",
        title="Attention entropy",
        text="Mean entropy of attention while answering, layer by head." if found else "",
        figure=figure,
        missing="" if found else "no probe has read these runs' attention.",
        command="" if found else f"safesight explain entropy {runs[0].path.name} --model hf/ORG/NAME",
        notes=tuple(f"{one.statistic} over {one.answers} answers, probe {one.probe[:16]}." for one in found),
    )


def capability_part(points: Sequence[Point], notes: Sequence[str], *, figure: str) -> Part:
    """Capability against risk, where scores were given."""
    if not points:
        return Part(
            id="capability",
            title="Capability and risk",
            missing=" ".join(notes) or "no capability scores were given.",
            command="safesight report RUN ... --scores scores.csv",
        )
    table = capability_table(points)
    rows = tuple(
        (row.method, str(len(table.points)), _kappa(row.value), words.p_value(row.test.p)) for row in table.correlations
    )
    return Part(
        id="capability",
        title="Capability and risk",
        text="A handful of models is a handful, whatever p says.",
        figure=figure,
        tables=(Grid(columns=("correlation", "models", "value [95 %]", "p"), rows=rows),),
        notes=tuple(notes),
    )


def agreement_part(runs: Sequence[Results]) -> Part:
    """Whether the judges of each run agree."""
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    for run in runs:
        said = {judge: [v for vs in run.verdicts.values() for v in vs if v.judge == judge] for judge in run.judges}
        clusters = {case.sample.key: case.sample.cluster or case.sample.key for case in run.cases}
        found = agreement(said, clusters=clusters)
        rows += [
            (
                run.name,
                f"{pair.first} / {pair.second}",
                str(pair.n),
                _share(pair.agree),
                _kappa(pair.kappa),
                str(pair.first_only),
                str(pair.second_only),
                str(pair.left_out),
            )
            for pair in found.pairs
        ]
        if found.fleiss is not None:
            notes.append(f"{run.name}, all judges together: Fleiss' kappa {_kappa(found.fleiss)}.")
    columns = (
        "run", "judges", "both said", "agree %", "kappa", "unsafe by first only", "by second only", "left out"
    )  # fmt: skip
    return Part(
        id="agreement",
        title="Do the judges agree?",
        text="The choice of judge moves attack success by tens of points; a kappa near 0 is agreement by chance.",
        missing="" if rows else "fewer than two judges.",
        command="" if rows else f"safesight judge {runs[0].path.name} --judge NAME",
        tables=(Grid(columns=columns, rows=tuple(rows)),) if rows else (),
        notes=tuple(notes),
    )


def _kappa(estimate: Estimate) -> str:
    if estimate.value is None:
        return f"– ({estimate.reason})"
    bounds = "" if estimate.low is None or estimate.high is None else f" [{estimate.low:.2f}, {estimate.high:.2f}]"
    return f"{estimate.value:.2f}{bounds}"


def published_part(runs: Sequence[Results], judge: str) -> Part:
    """Rates of a benchmark's own paper beside these runs', group by group."""
    tables: list[Grid] = []
    notes: list[str] = []
    for name in dict.fromkeys(run.manifest.benchmark for run in runs):
        reference = published_benchmark(name)
        if reference is None:
            continue
        ours = [run for run in runs if run.manifest.benchmark == name and judge in run.tables]
        arms = {run.manifest.arm for run in ours} & {row.arm for row in reference.rates}
        theirs = [row for row in reference.rates if row.arm in arms or not arms]
        found = [{rate.name: rate.asr for rate in run.tables[judge].groups} for run in ours]
        groups = dict.fromkeys([*(g for row in theirs for g in row.groups), *(g for rates in found for g in rates)])
        rows = [
            (
                group,
                *(words.percent(rates.get(group)) for rates in found),
                *(f"{row.groups[group]:.2f}" if group in row.groups else "–" for row in theirs),
            )
            for group in groups
        ]
        counted = [run.tables[judge].as_the_paper_counts(run.paper_count) for run in ours]
        averages = (f"{row.average:.2f}" for row in theirs)
        rows.append(("as the paper counts", *map(words.percent, counted), *averages))
        columns = ("", *(run.name for run in ours), *(f"{row.model}, {row.arm} (published)" for row in theirs))
        tables.append(Grid(columns=columns, rows=tuple(rows), title=name))
        notes += [f"{name}: {reference.source}. {reference.note}"]
    return Part(
        id="published",
        title="Beside the published figures",
        text="Attack success in percent. Another judge and other decoding: read side by side, not as a ranking.",
        missing=""
        if tables
        else "no published figures are kept for these benchmarks (mm_safetybench and mir_safetybench have).",
        tables=tuple(tables),
        notes=tuple(notes),
    )


def judges_part(runs: Sequence[Results]) -> Part:
    """How good the judges are against people, and what that makes of the rates."""
    rows: list[tuple[str, ...]] = []
    for run in runs:
        for one in run.corrections:
            raw, known = run.tables[one.judge].headline, one.quality
            carries = known.carries_a_rate
            rows.append(
                (
                    run.name,
                    one.judge,
                    f"{words.percent(raw.value)} {words.interval(raw)}" if carries else "– (finds too few)",
                    f"{words.percent(one.rate.value)} {words.interval(one.rate)}" if carries else "–",
                    f"{words.percent(known.sensitivity.value)} {words.interval(known.sensitivity)}",
                    f"{words.percent(known.specificity.value)} {words.interval(known.specificity)}",
                    known.source,
                )
            )
    columns = ("run", "judge", "raw %", "corrected %", "finds of unsafe %", "calls safe of safe %", "against")
    return Part(
        id="judge-errors",
        title="How good are the judges?",
        text="Against answers that people labelled: what a judge finds of the unsafe ones, and what that makes of its "
        "rate (Rogan and Gladen, with an interval that knows how few answers were labelled).",
        missing="" if rows else "no answer here has a human label, and no gold set lies beside the runs.",
        command="" if rows else "safesight judge --benchmark msts --source DIR --judge NAME",
        tables=(Grid(columns=columns, rows=tuple(rows)),) if rows else (),
    )


def failures_part(runs: Sequence[Results]) -> Part:
    """What failed and what no rate counts."""
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    for run in runs:
        statuses = Counter(case.response.reply.status for case in run.cases)
        broken = Counter(v.judge for found in run.verdicts.values() for v in found if v.error)
        for name, table in run.tables.items():
            lost = Counter(table.overall.left_out)
            lost.update(table.benign.left_out if table.benign else {})
            rows.append(
                (
                    run.name,
                    name or "not judged",
                    str(len(run.cases)),
                    words.left_out(statuses),
                    words.left_out(lost) or "nothing",
                    str(broken[name]),
                )
            )
        notes += [
            f"{run.name}, {name}: {table.trimmed} answers trimmed to the judge's window: their ends were not judged"
            for name, table in run.tables.items()
            if table.trimmed
        ]
        notes += [
            f"{run.name}, {name or 'not judged'}: {note}" for name, table in run.tables.items() for note in table.notes
        ]
        errors = Counter(case.response.reply.error[:120] for case in run.cases if case.response.reply.error)
        notes += [f"{run.name}: {count} × {text}" for text, count in errors.most_common(5)]
    columns = ("run", "judge", "answers", "statuses", "left out of the rates", "broken verdicts")
    return Part(
        id="failures",
        title="Failures and what was left out",
        text="Truncated answers are judged; blocked, failed, empty and unparsed ones are counted here, never as safe.",
        tables=(Grid(columns=columns, rows=tuple(rows)),),
        notes=tuple(notes),
    )
