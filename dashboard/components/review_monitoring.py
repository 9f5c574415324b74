"""What monitoring said when the evidence was frozen, and what a retraining would do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import streamlit as st

from core.measure import Status
from core.profile.windows import Window
from core.services.checks import Section
from core.services.proposal import Review
from dashboard.components.measures import held
from dashboard.components.numbers import cell_table, facts, show_numbers
from dashboard.components.review_checks import ANCHORS, interval_of
from dashboard.text import (
    DASH,
    capital,
    chip,
    count,
    day,
    in_cell,
    listed,
    measure_name,
    muted,
    number,
    plain,
    signed,
    window_name,
)

__all__ = ["show_making", "show_monitoring", "show_retraining"]

Data = Mapping[str, Any]
ALARMS = (Status.CRITICAL, Status.WARNING)
MOST = 8


def show_monitoring(monitoring: Data | None) -> None:
    """The five verdicts, and the findings behind them."""
    st.subheader("What does monitoring say?", anchor=ANCHORS[Section.MONITORING][0])
    if not monitoring:
        st.markdown(f"{DASH} Nothing: the model has no reference.")
        return
    verdicts = monitoring["verdicts"]
    is_judged = monitoring["status"] in ALARMS or not any(v["status"] in ALARMS for v in verdicts)
    cell_table(
        ["Question", "Verdict", "Measure", "Value"],
        [_verdict_row(verdict, is_judged=is_judged) for verdict in verdicts],
        alt="Verdicts of the five families",
    )
    if not is_judged:
        st.markdown(muted("Nothing was armed: what differed may have done so by chance."))
    findings = monitoring["findings"]
    if not findings:
        st.markdown("There is no finding in these windows.")
        return
    left_out = monitoring["n_findings"] - len(findings)
    st.markdown(
        f"**{count(monitoring['n_findings'])} findings in these windows**"
        + (f", of which {count(len(findings))} are kept" if left_out else "")
    )
    ordered = sorted(findings, key=lambda found: found["status"] != Status.CRITICAL)
    cell_table(
        ["Finding", "Verdict", "Value", "Reference", "n"],
        [_finding_row(found, is_judged=is_judged) for found in ordered[:MOST]],
        alt="Findings, material ones first",
    )
    show_numbers(
        ["Window", "Where", "Measure", "Verdict", "Value", "Interval", "n", "Reason"],
        [
            (
                _window(found),
                _where(found) or "everyone",
                measure_name(found["measure"]),
                found["status"],
                _written(found["value"], found["measure"]),
                in_cell(interval_of(found), _style(found["measure"])),
                count(found["n"]),
                found["why"],
            )
            for found in ordered
        ],
        alt="All findings",
        label="Show all findings with reasons",
    )


def show_retraining(review: Review) -> None:
    """The recipe, and what the model may not learn from."""
    st.subheader("What would the retraining do?", anchor=False)
    arguments = review.proposal.arguments
    given = "recipe" in arguments
    excluded = arguments.get("exclude", [])
    st.markdown(
        f"It learns by {'the recipe of this proposal' if given else 'the recipe that the model has by default'}, from "
        "every live record with a label that is old enough, and leaves out shadow traffic and ids seen before."
    )
    if excluded:
        st.markdown("**It may not learn from**")
        cell_table(
            ["From", "Until before", "Because"],
            [[_instant(w["from"]), _instant(w["to"]), plain(w["reason"])] for w in excluded],
            alt="Windows that are excluded",
        )
    else:
        st.markdown("No window of time is excluded.")
    with st.expander("Recipe", type="compact"):
        st.code(review.recipe, language="toml", wrap_lines=True)


def show_making(review: Review) -> None:
    """How the version was made: parameters, training data, what was left out; as far as it was registered."""
    version = review.version
    if version is None:
        return
    st.subheader(f"What was {plain(version.name)} made from?", anchor=ANCHORS[Section.MAKING][0])
    training, parameters = version.training, version.parameters
    pairs = {
        "Registered": f"{plain(version.created_by)}, {day(version.created_at, year=True)}",
        "To replace": plain(version.parent) if version.parent else DASH,
        "Artefact": f"`{version.artefact_sha256[:12]}`"
        if version.artefact_sha256
        else f"{DASH} {muted('none is kept')}",
    }
    recipe = parameters.get("recipe")
    if isinstance(recipe, Mapping):
        pairs["Estimator"] = plain(f"{recipe.get('estimator', DASH)}, calibration {recipe.get('calibration', DASH)}")
    features = parameters.get("features")
    if isinstance(features, list):
        pairs["Learnt from"] = plain(listed([str(name) for name in features], most=8))
    if parameters.get("protected_features"):
        pairs["Protected among them"] = plain(listed([str(name) for name in parameters["protected_features"]]))
    batches = training.get("batches")
    if isinstance(batches, list):
        pairs["Batches"] = plain(listed([str(batch) for batch in batches], most=12))
    if isinstance(training.get("n"), int) and isinstance(training.get("n_given"), int):
        pairs["Records"] = f"{count(training['n'])} of {count(training['n_given'])}"
    facts(pairs, alt="How the version was made")
    for note in parameters.get("notes", ()):
        st.markdown(f"- {plain(note)}")
    _left_out(training)
    if parameters or training:
        with st.expander("Parameters and training, as registered", type="compact"):
            written = json.dumps(
                {"parameters": dict(parameters), "training": dict(training)}, indent=2, ensure_ascii=False
            )
            st.code(written, language="json", wrap_lines=True, height=320)
    else:
        st.markdown(f"{DASH} Nothing was registered on how it was made: no parameters, no training data.")


def _left_out(training: Data) -> None:
    """Which rules left out how many records; a rule that left out none is named too."""
    listed_ones = training.get("exclusions", [])
    rules = [e for e in listed_ones if isinstance(e, Mapping) and isinstance(e.get("n"), int)]
    if not rules:
        return
    st.markdown("**Left out**")
    left_out = sorted((rule for rule in rules if rule["n"]), key=lambda rule: -rule["n"])
    if left_out:
        cell_table(
            ["Because", "Records"],
            [[plain(rule.get("reason", "")), count(rule["n"])] for rule in left_out],
            alt="Records left out of the training",
        )
    nothing = [plain(rule.get("reason", "")) for rule in rules if not rule["n"]]
    if nothing:
        st.markdown(muted(f"Asked, and left out nothing: {'; '.join(nothing)}."))


def _verdict_row(verdict: Data, *, is_judged: bool) -> list[str]:
    measure = verdict["measure"] or {}
    name = measure.get("measure", "")
    window = _window(measure) or verdict["window"] or "no window"
    since = f"  \n{muted(held('since ' + plain(verdict['since'])))}" if verdict["since"] and is_judged else ""
    value = f"{DASH}  \n{muted(plain(measure.get('why', 'nothing is measured')))}"
    if measure.get("value") is not None:
        below = f"{in_cell(interval_of(measure), _style(name)) or 'no interval'}; n {count(measure['n'])}"
        value = f"**{_written(measure['value'], name)}**  \n{muted(held(below))}"
    where = plain(_where(measure)) if measure else ""
    said = f"{plain(measure_name(name))} {where}".strip() or DASH
    family = capital(verdict["family"].replace("_", " "))
    return [
        f"**{held(plain(family))}**  \n{muted(held(plain(window)))}{since}",
        _chip(verdict["status"], is_judged=is_judged),
        said,
        value,
    ]


def _finding_row(found: Data, *, is_judged: bool) -> list[str]:
    name = found["measure"]
    return [
        f"**{held(plain(_where(found) or 'Everyone'))}**  \n{muted(held(plain(measure_name(name))))}  \n"
        f"{muted(held(plain(_window(found))))}",
        _chip(found["status"], is_judged=is_judged),
        f"**{_written(found['value'], name)}**  \n{muted(in_cell(interval_of(found), _style(name)) or 'no interval')}",
        _written(found["reference"], name),
        count(found["n"]),
    ]


def _chip(status: str, *, is_judged: bool) -> str:
    found = Status(status)
    if not is_judged and found is not Status.UNDEFINED:
        return chip(Status.INSUFFICIENT, "Not\u00a0armed")
    return chip(found)


def _written(value: float | None, measure: str) -> str:
    """A value as its measure is written: ratios as ratios, differences of rates in points."""
    if "_difference" in measure:
        return held(signed(value)) if value is not None else DASH
    return number(value, _style(measure))


def _style(measure: str) -> str:
    return "impact_ratio" if "_ratio" in measure else measure


def _where(measure: Data) -> str:
    return " ".join(part for part in (measure.get("column", ""), measure.get("segment", "")) if part)


def _window(measure: Data) -> str:
    """A window as pages call it, from its ends in the evidence."""
    start, end = measure.get("window_start"), measure.get("window_end")
    if not start or not end:
        return str(measure.get("window") or "")
    ends = {"start_at": datetime.fromisoformat(start), "end_at": datetime.fromisoformat(end)}
    return window_name(Window(key=0, name=measure["window"], **ends))


def _instant(text: str) -> str:
    moment = datetime.fromisoformat(text)
    return f"{day(moment, year=True)}, {moment:%H:%M %Z}"
