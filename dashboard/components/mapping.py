"""What each column of a file is: how it meets a schema, or a schema for it to be edited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import SchemaError
from core.schema import ColumnType, Role, Task, WindowUnit
from core.services.intake import HeaderMatch
from core.services.models import SchemaDraft
from dashboard.components.numbers import cell_table, show_numbers
from dashboard.components.upload import Flow
from dashboard.text import DASH, muted, plain, plural

__all__ = ["edit_schema", "show_match", "show_schema_problems"]

ROWS = "rows in file order"
DECIDE = "DECIDE: "
FLAGS = ("protected", "segment")
MOST = 12


def show_match(match: HeaderMatch, *, labels: bool = False) -> None:
    """Which columns of the schema a file has, which it lacks and what those may be called now, which are new."""
    wanted = "columns that late labels need" if labels else "columns of the schema"
    n = len(match.matched) + len(match.absent)
    st.markdown(f"The file has **{len(match.matched):,} of {n:,}** {wanted}.")
    if match.has_one_name:
        st.markdown("It has one column: known delimiters are comma, semicolon, tab and |.")
    if match.absent:
        cell_table(
            ["Absent", "Role", "Is it this one now?"],
            [[plain(a.column), str(a.role), plain(a.guess) if a.guess else DASH] for a in match.absent[:50]],
            alt="Columns of the schema that the file lacks",
        )
        if not labels:
            st.markdown(
                muted(
                    "A feature or attribute that is absent counts as missing in every row. Columns aren't renamed here."
                )
            )
    if match.extra:
        names = ", ".join(plain(name) for name in match.extra[:MOST])
        more = f" and {len(match.extra) - MOST:,} more" if len(match.extra) > MOST else ""
        st.markdown(f"Not read, as the schema doesn't name {'it' if len(match.extra) == 1 else 'them'}: {names}{more}.")
    if match.matched:
        show_numbers(
            ["Column"],
            [(name,) for name in match.matched],
            alt="Columns that match",
            label=f"Show {plural(len(match.matched), 'matching column')}",
        )


def show_schema_problems(error: SchemaError) -> None:
    """Each wrong key with what is wrong."""
    st.error("The schema can't be used yet:", icon=":material/error:")
    cell_table(
        ["Key", "What is wrong"],
        [[plain(key), plain(message)] for key, message in error.problems[:50]],
        alt="Keys of the schema that are wrong",
    )


def edit_schema(flow: Flow) -> None:
    """The schema of a new model, as a table or as text; what it says now stays in the flow."""
    questions = flow.draft.open_questions
    if questions:
        lines = [f"- **{plain(key)}**: {plain(why)}" for key, why in list(questions.items())[:MOST]]
        st.markdown("For you to decide:\n\n" + "\n".join(lines))
    as_text = (
        st.segmented_control(
            "Edit the schema as",
            ["Table", "Text"],
            default="Table" if flow.text is None else "Text",
            required=True,
            key=f"intake_as_{flow.number}",
        )
        == "Text"
    )
    if as_text and flow.text is None:
        flow.text = flow.edited.to_toml()
    if not as_text and flow.text is not None:
        try:
            flow.propose(replace(SchemaDraft.from_toml(flow.text), notes=flow.draft.notes))
        except SchemaError as error:
            show_schema_problems(error)
    if flow.text is not None:
        flow.text = st.text_area("Schema (TOML)", flow.text, height=480, key=f"intake_text_{flow.revision}")
        return
    key = f"intake_columns_{flow.revision}"
    if key not in st.session_state and flow.edited is not flow.draft:  # the widgets are drawn anew
        flow.propose(flow.edited)
    flow.edited = _fields(flow.draft, flow.revision).edited(columns=_columns(flow.draft, flow.revision))


def _fields(draft: SchemaDraft, revision: int) -> SchemaDraft:
    """What the schema says of the model as a whole."""
    first, second, third = st.columns(3, gap="small")
    with first:
        task = st.selectbox("Task", list(Task), _place(list(Task), draft.value("task")), key=f"intake_task_{revision}")
        delay = st.number_input(
            "Labels take (days)",
            min_value=0.0,
            value=_number(draft.value("labels.delay_days")) or 0.0,
            step=1.0,
            format="%g",
            key=f"intake_delay_{revision}",
        )
    with second:
        units = [*WindowUnit, ROWS]
        unit = draft.value("window.every") or ROWS
        every = st.selectbox("Window", units, _place(units, unit), key=f"intake_every_{revision}")
        owner = st.text_input("Owner", str(draft.value("owner") or ""), key=f"intake_owner_{revision}")
    with third:
        n_rows: int | None = None
        if every == ROWS:
            rows = int(_number(draft.value("window.rows")) or 500)
            n_rows = int(st.number_input("Rows a window", 1, value=max(rows, 1), key=f"intake_rows_{revision}"))
        else:
            zone = str(draft.value("timezone") or "UTC")
            zone = st.text_input("Time zone", zone, key=f"intake_zone_{revision}")
        purpose = st.text_input("Purpose", str(draft.value("purpose") or ""), key=f"intake_purpose_{revision}")
    values: dict[str, Any] = {
        "task": str(task),
        "labels.delay_days": int(delay) if float(delay).is_integer() else delay,
        "window.every": None if every == ROWS else str(every),
        "window.rows": n_rows,
        "owner": owner,
        "purpose": purpose,
    }
    if every != ROWS:
        values["timezone"] = zone
    return draft.edited({**values, **_outcome(draft, Task(task), revision)})


def _outcome(draft: SchemaDraft, task: Task, revision: int) -> Mapping[str, Any]:
    """The classes, and which of them the score and the person care about."""
    if task is Task.REGRESSION:
        return dict.fromkeys(("outcome.classes", "outcome.positive", "outcome.favourable", "outcome.threshold"))
    known = [str(name) for name in draft.value("outcome.classes") or []]
    first, second, third = st.columns(3, gap="small")
    with first:
        written = st.text_area("Classes, one a line", "\n".join(known), height=122, key=f"intake_classes_{revision}")
        classes = list(dict.fromkeys(line.strip() for line in written.splitlines() if line.strip()))
    named = {key: draft.value(f"outcome.{key}") for key in ("positive", "favourable")}
    with second:
        if task is Task.BINARY:
            named["positive"] = st.selectbox(
                "The score is the probability of",
                classes,
                _place(classes, named["positive"]),
                key=f"intake_positive_{revision}",
            )
        else:
            named["positive"] = None
    with third:
        named["favourable"] = st.selectbox(
            "Good for the person is",
            classes,
            _place(classes, named["favourable"]),
            key=f"intake_favourable_{revision}",
        )
    return {"outcome.classes": classes, **{f"outcome.{key}": value for key, value in named.items()}}


def _columns(draft: SchemaDraft, revision: int) -> dict[str, dict[str, Any]]:
    """What is said of each column, in a table that can be edited."""
    classes = [str(name) for name in draft.value("outcome.classes") or []]
    has_classes = draft.value("task") == Task.MULTICLASS
    frame = pd.DataFrame(
        [
            {
                "column": name,
                "role": spec.get("role"),
                "type": spec.get("type"),
                **{flag: bool(spec.get(flag)) for flag in FLAGS},
                "class": spec.get("class"),
                "why": draft.notes.get(f"columns.{name}", "").replace(DECIDE, "for you to decide: "),
            }
            for name, spec in draft.columns.items()
        ],
        columns=["column", "role", "type", *FLAGS, "class", "why"],
    )
    shown = st.data_editor(
        frame,
        hide_index=True,
        num_rows="fixed",
        disabled=["column", "why"],
        height=min(35 * (len(frame) + 1) + 3, 520),
        column_order=["column", "role", "type", *FLAGS, *(["class"] if has_classes else []), "why"],
        column_config={
            "column": st.column_config.TextColumn("Column", width=150, pinned=True),
            "role": st.column_config.SelectboxColumn("Role", options=list(map(str, Role)), required=True, width=110),
            "type": st.column_config.SelectboxColumn("Type", options=list(map(str, ColumnType)), width=110),
            "protected": st.column_config.CheckboxColumn("Protected", help="Its groups are compared", width=85),
            "segment": st.column_config.CheckboxColumn("Segment", help="Numbers can be asked for each", width=85),
            "class": st.column_config.SelectboxColumn("Class", options=classes, width=110),
            "why": st.column_config.TextColumn("Why it was guessed so", width=330),
        },
        placeholder="",
        key=f"intake_columns_{revision}",
        alt="Columns of the file: role, type, protected, segment",
    )
    st.markdown(
        muted(
            "Features are what the model reads; attributes describe the row. Protected columns have their groups "
            "compared, segments can be looked at one by one. Whatever else a schema may say is edited as text."
        )
    )
    return {
        str(row["column"]): {
            **{key: _text(row[key]) for key in ("role", "type", "class")},
            **{flag: bool(row[flag]) for flag in FLAGS},
        }
        for row in shown.to_dict("records")
    }


def _text(value: object) -> str | None:
    """A cell of the editor; None where it is empty."""
    return str(value) if isinstance(value, str) and value else None


def _place(options: list[Any], value: object) -> int | None:
    """Where a value stands among options; None where it doesn't."""
    return next((place for place, option in enumerate(options) if option == value), None)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
