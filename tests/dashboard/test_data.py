"""The Data page: what came in, and bringing more in step by step."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import streamlit as st

from core.governance.identity import LOCAL_OPERATOR as ME
from core.governance.identity import Actor, UserRole
from core.record import BatchRole
from core.schema import ColumnType, Role
from core.storage.tables import SourceRow
from core.workspace import Workspace
from dashboard import auth
from dashboard.components.upload import Step, Use
from tests.builders import HEADER, SCHEMA, START, rows
from tests.dashboard.uploads import DataPage, as_csv, workspace_with_reference

LABELS = ("id", "outcome")


@pytest.fixture(autouse=True)
def _no_caches() -> Iterator[None]:
    st.cache_data.clear()
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspace_with_reference(tmp_path_factory.mktemp("template"))


@pytest.fixture
def folder(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace whose model m has a reference of ten days; the app looks at it."""
    shutil.copytree(template, tmp_path / "workspace")
    monkeypatch.setenv("PLUMBLINE_WORKSPACE", str(tmp_path / "workspace"))
    return tmp_path / "workspace"


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace without a model; the app looks at it."""
    monkeypatch.setenv("PLUMBLINE_WORKSPACE", str(tmp_path / "workspace"))
    return tmp_path / "workspace"


def batches(folder: Path, model: str = "m") -> list[tuple[str, int, int]]:
    """What a model holds: use, rows, set aside."""
    space = Workspace.open(folder)
    try:
        return [(str(b.role), b.n_rows, b.n_rejected) for b in space.batches.list(ME, model)]
    finally:
        space.close()


def models(folder: Path) -> list[str]:
    space = Workspace.open(folder)
    try:
        return [info.name for info in space.models.list(ME)]
    finally:
        space.close()


# What came in


def test_an_empty_workspace_asks_for_a_file_and_nothing_else(empty: Path) -> None:
    page = DataPage()
    assert len(page.at.file_uploader) == 1
    assert not page.at.button_group
    assert "**1  File**" in page.words


def test_a_model_without_a_reference_is_asked_for_one_first(empty: Path) -> None:
    space = Workspace.open(empty)
    space.models.add(ME, "bare", SCHEMA)
    space.close()
    page = DataPage()
    assert len(page.at.file_uploader) == 1
    page.upload("a.csv", as_csv(rows(50)))
    assert page.at.radio(key="intake_use").value == Use.REFERENCE
    page.open("data").show("What came in")
    assert "Nothing has come in for bare yet." in page.words


def test_batches_are_listed_with_their_counts_and_period(folder: Path) -> None:
    page = DataPage()
    assert "m holds 600 records in 1 batch. No row was set aside." in page.words
    assert "counters a window and version, those of 4 segments among them" in page.words
    table = page.at.table[0].value
    row = dict(zip(table.columns, table.iloc[0], strict=True))
    assert "reference\\.csv" in row["Batch"]
    assert (row["Rows"], row["Set aside"]) == ("600", "0")
    assert row["From, to"].replace("\u00a0", " ") == "1 Jan to 10 Jan 2026"


def test_a_monitored_table_is_named_with_how_far_it_was_read_and_what_changed_in_it(folder: Path) -> None:
    space = Workspace.open(folder)
    with space.database.write("source") as session:
        row = SourceRow(model_id=1, name="lake", url="local[2]", table_name="log_*2*", columns={}, created_by="root")
        row.created_at = row.read_at = row.watermark_at = START
        row.findings = ["column extra is new"]
        session.add(row)
    space.close()
    page = DataPage()
    assert "Production lies in log_*2* at local[2] and is counted there; read up to 1 Jan 2026" in page.words
    assert page.at.warning[0].value.replace("\\", "") == "log_*2*: column extra is new."


def test_what_was_set_aside_is_shown_with_line_and_reason_and_downloads_without_formulas(folder: Path) -> None:
    table = rows(100, prefix="bad")
    table[3][3] = "=cmd|calc!A1"
    table[7][7] = 1.5
    page = DataPage().bring("mixed.csv", as_csv(table))
    assert "98 rows taken in, 2 set aside" in page.words
    page.press("intake_see")
    assert page.at.selectbox(key="batch").value == "2"
    assert "unparseable number" in page.words
    problems = page.at.expander[0].table[0].value
    assert problems["Line"].tolist() == ["5", "9"]
    assert "cmd" in problems["What is wrong"][0]
    assert "bad3" in problems["As it was written"][0]
    at = page.at
    button = next(button for button in at.get("download_button") if button.key == "rejects_2")
    assert "set aside" in button.label
    space = Workspace.open(folder)
    from core.report.spreadsheet import as_csv as spreadsheet

    text = spreadsheet(space.batches.rejects(ME, 2)).decode()
    space.close()
    assert text.startswith("line,column,reason,message,raw")
    assert not re.search(r"(^|,)=", text, re.MULTILINE)


def test_a_batch_is_retracted_with_a_reason_and_counts_nowhere_afterwards(folder: Path) -> None:
    page = DataPage().bring("live.csv", as_csv(rows(200, prefix="live")))
    page.press("intake_see")
    page.at.button(key="retract_submit_2").click().run()
    assert "needs a reason" in page.sound().errors
    page.at.text_input(key="retract_reason_2").set_value("wrong [feed](http://evil) *unit*")
    page.at.button(key="retract_submit_2").click().run()
    assert "m holds 600 records in 1 batch" in page.sound().words
    assert "wrong [feed](http://evil) *unit*" in page.words
    assert not [button for button in page.at.button if button.key == "retract_submit_2"]
    page.open("drift")
    assert "There are no production records yet." in page.words


def test_a_retracted_reference_leaves_the_model_without_one(folder: Path) -> None:
    page = DataPage()
    page.at.text_input(key="retract_reason_1").set_value("not what it was validated on")
    page.at.button(key="retract_submit_1").click().run()
    assert "It has no reference." in page.sound().words


def test_the_address_leads_to_a_model_a_view_and_a_batch(folder: Path) -> None:
    DataPage().bring("live.csv", as_csv(rows(50, prefix="live")))
    page = DataPage(model="m", batch="1 reference.csv")
    assert page.at.selectbox(key="model").value == "m"
    assert page.at.file_uploader.len == 0
    page = DataPage(model="m", show="Bring in data")
    assert page.at.file_uploader.len == 1
    page = DataPage(model="nobody", batch="nothing", show="nonsense")
    assert page.at.selectbox(key="model").value == "m"


def test_many_batches_come_in_pages(folder: Path, tmp_path: Path) -> None:
    space = Workspace.open(folder)
    paths = []
    for number in range(12):
        paths.append(tmp_path / f"{number}.csv")
        paths[-1].write_bytes(as_csv(rows(3, prefix=f"p{number}-")))
    space.records.add(ME, "m", paths)
    space.close()
    page = DataPage()
    assert len(page.at.table[0].value) == 10
    assert "m holds 636 records in 13 batches (36 production, 600 reference)" in page.words


# Bring in data


def test_a_new_model_comes_from_a_file_alone(empty: Path) -> None:
    page = DataPage().upload("loans.csv", as_csv(rows(400)))
    page.say(Use.NEW_MODEL, name="loans")
    assert "outcome.positive" in page.words
    page.check()
    assert "400 rows would be taken in, 0 set aside." in page.words
    assert models(empty) == []
    page.confirm()
    assert "400 rows taken in, 0 set aside." in page.words
    assert batches(empty, "loans") == [("reference", 400, 0)]
    assert page.at.selectbox(key="model").value == "loans"
    page.open("drift")
    assert "There are no production records yet." in page.words


def test_the_check_adds_nothing_and_says_what_would_become_of_each_row(folder: Path) -> None:
    table = rows(80, prefix="x")
    table[0][1] = "yesterday"
    page = DataPage().upload("x.csv", as_csv(table)).say(Use.PRODUCTION).check()
    assert "79 rows would be taken in, 1 set aside." in page.words
    assert "unparseable time" in page.words
    assert batches(folder) == [("reference", 600, 0)]
    page.confirm()
    assert batches(folder) == [("reference", 600, 0), ("production", 79, 1)]


def test_a_column_that_was_renamed_is_guessed_and_counts_as_missing(folder: Path) -> None:
    header = ["Amount_" if name == "amount" else name for name in HEADER]
    page = DataPage().upload("r.csv", as_csv(rows(60, prefix="r"), [*header[:-1], "result"])).say(Use.PRODUCTION)
    assert "**8 of 10** columns of the schema" in page.words
    absent = page.at.table[0].value
    assert absent.to_numpy().tolist() == [["amount", "feature", "Amount\\_"], ["outcome", "label", "—"]]
    assert "Not read, as the schema doesn't name them: Amount_, result." in page.words
    page.check()
    assert "counted as missing in every row" in page.words
    assert "60 rows would be taken in, 0 set aside." in page.words


def test_a_file_without_a_key_column_stops_at_its_columns_and_names_it(folder: Path) -> None:
    header = ["served" if name == "at" else name for name in HEADER]
    page = DataPage().upload("k.csv", as_csv(rows(20), header)).say(Use.PRODUCTION).check()
    assert "column 'at' (timestamp) is absent" in page.errors
    assert page.flow.step is Step.COLUMNS
    assert not page.has("intake_confirm")


def test_the_same_file_adds_nothing_and_says_so(folder: Path) -> None:
    content = as_csv(rows(40, prefix="same"))
    page = DataPage().bring("same.csv", content)
    page.press("intake_another").upload("again.csv", content).say(Use.PRODUCTION).check()
    assert "is batch 2 already" in page.words
    assert not page.has("intake_confirm")
    assert batches(folder) == [("reference", 600, 0), ("production", 40, 0)]


def test_taking_in_goes_on_where_it_was_interrupted_and_adds_nothing_twice(folder: Path, tmp_path: Path) -> None:
    content = as_csv(rows(40, prefix="once"))
    page = DataPage().upload("once.csv", content).say(Use.PRODUCTION).check()
    other = tmp_path / "other.csv"
    other.write_bytes(content)
    space = Workspace.open(folder)
    space.records.add(ME, "m", [other])  # what an earlier run of the same click had done
    space.close()
    page.confirm()
    assert "is batch 2 already" in page.words
    assert batches(folder) == [("reference", 600, 0), ("production", 40, 0)]
    page.open("drift")
    assert "There are no production records yet." not in page.words  # it was counted too


def test_an_interrupted_new_model_goes_on_with_the_same_schema(empty: Path) -> None:
    page = DataPage().upload("loans.csv", as_csv(rows(60))).say(Use.NEW_MODEL, name="loans").check()
    space = Workspace.open(empty)
    space.models.add(ME, "loans", page.flow.schema_source)
    space.close()
    page.confirm()
    assert batches(empty, "loans") == [("reference", 60, 0)]


def test_a_name_that_somebody_took_meanwhile_is_a_conflict_and_nothing_is_added(empty: Path) -> None:
    page = DataPage().upload("loans.csv", as_csv(rows(60))).say(Use.NEW_MODEL, name="loans").check()
    space = Workspace.open(empty)
    space.models.add(ME, "loans", SCHEMA)
    space.close()
    page.confirm()
    assert "exists already" in page.errors
    assert batches(empty, "loans") == []


def test_late_labels_find_their_records(folder: Path) -> None:
    table = rows(50, prefix="late", labels=False)
    page = DataPage().bring("late.csv", as_csv(table))
    page.press("intake_another")
    page.upload("labels.csv", as_csv([[row[0], 1] for row in table[:30]] + [["nobody", 0], ["late40", 7]], LABELS))
    assert page.at.radio(key="intake_use").value == Use.LABELS  # told from its columns
    page.press("intake_continue")
    assert "**2 of 2** columns that late labels need" in page.words
    page.check()
    assert "31 rows would be taken in, 30 of them for a record that is here, 1 set aside." in page.words
    page.confirm().press("intake_see")
    assert page.at.selectbox(key="batch").value == "L1"
    assert "30 late labels found their record." in page.words
    assert "unknown class" in page.words


def test_evaluation_data_must_name_its_version(folder: Path) -> None:
    page = DataPage().upload("e.csv", as_csv(rows(30, prefix="e"))).say(Use.EVALUATION)
    assert "which version it evaluates" in page.errors
    page.say(Use.EVALUATION, version="v1").check().confirm()
    assert batches(folder)[-1] == ("evaluation", 30, 0)


def test_leaving_the_page_keeps_the_file_and_what_was_said(empty: Path) -> None:
    page = DataPage().upload("loans.csv", as_csv(rows(60))).say(Use.NEW_MODEL, name="loans")
    edits = {"edited_rows": {3: {"role": "attribute"}, 5: {"protected": False}}, "added_rows": [], "deleted_rows": []}
    page.at.session_state[f"intake_columns_{page.flow.revision}"] = edits
    page.at.text_input(key=f"intake_owner_{page.flow.revision}").set_value("Retail").run()
    page.open("fleet").open("data")
    assert page.flow.step is Step.COLUMNS
    assert page.flow.edited.columns["amount"]["role"] == Role.ATTRIBUTE
    assert "protected" not in page.flow.edited.columns["sex"]
    assert page.flow.edited.value("owner") == "Retail"
    page.check().confirm()
    space = Workspace.open(empty)
    schema = space.models.show(ME, "loans").schema
    space.close()
    assert (schema.columns["amount"].role, schema.owner) == (Role.ATTRIBUTE, "Retail")


def test_table_and_text_edit_the_same_schema(empty: Path) -> None:
    page = DataPage().upload("loans.csv", as_csv(rows(60))).say(Use.NEW_MODEL, name="loans")
    mode = f"intake_as_{page.flow.number}"
    page.at.button_group(key=mode).set_value("Text").run()
    text = page.sound().at.text_area[0].value
    assert 'amount = { role = "feature", type = "numeric" }' in text
    page.at.text_area[0].set_value(text.replace('"numeric" }', '"text" }', 1)).run()
    page.at.button_group(key=mode).set_value("Table").run()
    assert page.sound().flow.edited.columns["amount"]["type"] == ColumnType.TEXT
    page.at.button_group(key=mode).set_value("Text").run()
    page.at.text_area[0].set_value("task = ").run()
    page.at.button_group(key=mode).set_value("Table").run()
    assert "TOML" in page.sound().words  # the text stays until it can be read
    assert page.at.text_area[0].value == "task = "


def test_a_wrong_schema_is_told_key_by_key(empty: Path) -> None:
    page = DataPage().upload("loans.csv", as_csv(rows(60))).say(Use.NEW_MODEL, name="loans")
    page.at.button_group(key=f"intake_as_{page.flow.number}").set_value("Text").run()
    text = page.at.text_area[0].value
    wrong = text.replace('type = "numeric"', 'type = "number"').replace("[labels]", "[labels]\ndelay = 3")
    page.at.text_area[0].set_value(wrong).run()
    page.check()
    assert set(page.at.table[0].value["Key"]) == {"labels\\.delay", "columns\\.amount\\.type"}
    assert page.flow.step is Step.COLUMNS


def test_a_step_can_be_taken_up_again_without_a_new_upload(folder: Path) -> None:
    page = DataPage().upload("x.csv", as_csv(rows(30, prefix="x"))).say(Use.REFERENCE).check()
    page.press("intake_back_USE").say(Use.PRODUCTION).check()
    page.press("intake_back_FILE")
    assert "x.csv is here" in page.words
    page.press("intake_keep").press("intake_continue").check().confirm()
    assert batches(folder)[-1] == ("production", 30, 0)


def test_the_kept_file_is_removed_when_it_is_taken_in_or_given_up(folder: Path) -> None:
    page = DataPage().upload("../../etc/x.csv", as_csv(rows(30, prefix="x")))
    kept = page.flow.kept.path
    assert kept.read_bytes() == as_csv(rows(30, prefix="x"))
    assert kept.name == "upload"  # what the browser calls it is text, no path
    page.press("intake_over")
    assert not kept.exists()
    page.upload("x.csv", as_csv(rows(30, prefix="x")))
    kept = page.flow.kept.path
    page.say(Use.PRODUCTION).check().confirm()
    assert not kept.exists()


def test_the_name_of_a_file_is_text_of_one_line(folder: Path) -> None:
    page = DataPage().bring("a\nb\x00\u202ec" + "x" * 900 + ".csv", as_csv(rows(30, prefix="x")))
    space = Workspace.open(folder)
    name = space.batches.list(ME, "m")[-1].source_name
    space.close()
    assert name.isprintable()
    assert len(name) <= 255
    page.press("intake_see")


def test_a_file_that_vanished_from_the_disk_is_asked_for_again(folder: Path) -> None:
    page = DataPage().upload("x.csv", as_csv(rows(30, prefix="x")))
    shutil.rmtree(page.flow.kept.folder)
    page.say(Use.PRODUCTION)
    assert "upload it again" in page.errors


def test_who_may_only_read_sees_what_came_in_and_no_form(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Actor(name="reader", roles=(UserRole.VIEWER,))
    monkeypatch.setattr(auth, "actor_of", lambda _cookies: reader)
    page = DataPage(show="Bring in data")
    assert "m holds 600 records" in page.words
    assert page.at.file_uploader.len == 0
    assert [button.label for button in page.at.button] == ["Sign out"]


@pytest.mark.parametrize("content", ["csv", "csv.gz", "jsonl", "parquet"])
def test_all_formats_give_the_same_rows(folder: Path, tmp_path: Path, content: str) -> None:
    import gzip

    frame = pd.DataFrame(rows(50, prefix="f"), columns=list(HEADER))
    if content == "parquet":
        pq.write_table(pa.Table.from_pandas(frame.astype(str)), tmp_path / "f.parquet")
        data = (tmp_path / "f.parquet").read_bytes()
    elif content == "jsonl":
        data = frame.to_json(orient="records", lines=True).encode()
    else:
        data = as_csv(frame.to_numpy().tolist())
        data = gzip.compress(data) if content.endswith("gz") else data
    page = DataPage().bring(f"f.{content}", data)
    assert "50 rows taken in, 0 set aside." in page.words


def test_few_reference_windows_are_taken_in_like_any_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBLINE_WORKSPACE", str(workspace_with_reference(tmp_path, n=60, days=3)))
    page = DataPage().bring("live.csv", as_csv(rows(20, start=START, prefix="live")))
    page.open("model")
    assert "Not armed" in page.words
    assert batches(tmp_path / "workspace")[-1][1] == 20


def test_the_reference_can_be_added_to_a_model_that_has_records(empty: Path, tmp_path: Path) -> None:
    space = Workspace.open(empty)
    space.models.add(ME, "m", SCHEMA)
    file = tmp_path / "live.csv"
    file.write_bytes(as_csv(rows(50, prefix="live")))
    space.records.add(ME, "m", [file], role=BatchRole.PRODUCTION)
    space.close()
    page = DataPage()
    page.bring("reference.csv", as_csv(rows(300)), Use.REFERENCE)
    page.open("drift")
    assert "no reference" not in page.words


def test_a_new_reference_is_counted_by_the_worker_while_pages_show_what_was_before(folder: Path) -> None:
    space = Workspace.open(folder)
    with space.worker_lock.hold():
        page = DataPage().bring("more.csv", as_csv(rows(300, prefix="more")), Use.REFERENCE)
        (job,) = space.jobs.list(ME, "m")
        assert space.analysis.context(ME, "m").n_reference == 600
        for view in ("drift", "data"):
            page.open(view)
            assert "0 of 2 batches are counted on the new reference" in page.words
            assert not page.has("recount_now")
    page.open("data")
    assert page.has("recount_now")  # the worker is gone, and its job waits
    with space.worker_lock.hold():
        space.jobs.cancel(ME, job.id, reason="not now")
        page.open("data")
        assert page.has("recount_now")
    page.press("recount_now").open("drift")
    assert "on the new reference" not in page.words
    assert space.analysis.context(ME, "m").n_reference == 900
    space.close()
