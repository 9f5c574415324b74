"""The commands from end to end: exit codes, one JSON document, what comes in by file, folder and stdin."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import tomllib
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core import __version__
from core.governance.identity import LOCAL_OPERATOR as ME
from core.record import BatchRole
from core.workspace import Workspace
from tests.builders import HEADER, SCHEMA, START, rows, write_csv
from tests.command import CommandLine, run

LATER = START + timedelta(days=10)
HEAVY = ("numpy", "pandas", "pyarrow", "scipy", "sklearn", "sqlalchemy", "streamlit", "plotly", "alembic")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose model has a reference of ten days."""
    folder = tmp_path_factory.mktemp("template")
    workspace = Workspace.open(folder / "workspace")
    workspace.models.add(ME, "m", SCHEMA)
    workspace.records.add(ME, "m", [write_csv(folder / "reference.csv", rows(600))], role=BatchRole.REFERENCE)
    workspace.profiles.refresh(ME, "m")
    workspace.close()
    return folder / "workspace"


@pytest.fixture
def plumbline(template: Path, tmp_path: Path) -> CommandLine:
    """The commands, on a workspace of the test's own."""
    shutil.copytree(template, tmp_path / "workspace")
    return CommandLine(workspace=tmp_path / "workspace")


def good(n: int = 40, prefix: str = "p", **options: object) -> list[list[object]]:
    return rows(n, start=LATER, days=4, prefix=prefix, seed=3, **options)


def drifted(n: int = 800) -> list[list[object]]:
    """Rows whose amounts are twice what they were."""
    return [[*row[:3], float(str(row[3])) * 2, *row[4:]] for row in good(n)]


@pytest.mark.parametrize("command", [[], ["ingest"], ["model", "infer"]])
def test_help_comes_without_loading_what_computes(command: list[str]) -> None:
    program = (
        "import sys\nfrom core.cli import main\n"
        f"try: main([*{command!r}, '--help'])\nexcept SystemExit as end: code = end.code\n"
        f"print(code, [name for name in {HEAVY!r} if name in sys.modules])"
    )
    root = Path(__file__).resolve().parents[3]
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root)
    assert ran.stdout.startswith("Usage: ")
    assert ran.stdout.splitlines()[-1] == "0 []"


def test_the_installed_program_runs_and_ends_with_the_exit_code(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    program = [sys.executable, "-c", "from core.cli import main; main()"]
    for arguments, code, out, err in (
        (["--version"], 0, f"plumbline {__version__}\n", ""),
        (["model", "list", "--workspace", str(tmp_path / "none")], 2, "", "is no workspace: there is no such folder"),
    ):
        ran = subprocess.run([*program, *arguments], capture_output=True, text=True, check=False, cwd=root)
        assert (ran.returncode, ran.stdout) == (code, out)
        assert err in ran.stderr


# Exit codes: 0 fine, 1 a check says no, 2 the input or usage is wrong, 3 something outside failed.


def test_findings_fail_a_command_only_where_it_is_asked_to(plumbline: CommandLine, tmp_path: Path) -> None:
    assert plumbline("ingest", "m", write_csv(tmp_path / "log.csv", drifted())).code == 0
    found = plumbline("analyse", "m", "--json").json["findings"]
    assert {(m["column"], m["status"]) for m in found if m["family"] == "data_drift"} == {("amount", "critical")}
    for options, code in (([], 0), (["--fail-on", "critical"], 1), (["--fail-on", "warning"], 1)):
        assert plumbline("analyse", "m", *options).code == code
        assert plumbline("analyse", "m", "--json", *options).code == code


def test_a_check_passes_where_nothing_moved(plumbline: CommandLine, tmp_path: Path) -> None:
    plumbline("ingest", "m", write_csv(tmp_path / "log.csv", good(800)))
    ran = plumbline("analyse", "m", "--fail-on", "warning")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("No findings.\n")
    assert "Armed: at most 1 false alert a year in expectation, over all 30 series watched.\n" in ran.out
    assert "Back-test: this setup would have raised no alarm in the last 4 days of data." in ran.out
    assert ran.out.endswith("1 of 1 model can alarm: together at most 1 false alert a year in expectation.\n")


WRONG = {
    "an unknown option": (["model", "list", "--colour"], "No such option: --colour"),
    "an unknown command": (["models"], "No such command 'models'"),
    "a missing argument": (["ingest", "m"], "Missing argument 'FILE...'"),
    "an unknown choice": (["analyse", "m", "--fail-on", "ok"], "'ok' is not one of 'warning', 'critical'"),
    "no number": (["batch", "rejects", "first"], "Invalid value for 'batch': Input should be a valid integer"),
    "an unknown model": (["analyse", "mm"], "No model 'mm'; did you mean 'm'?"),
    "an unknown batch": (["batch", "rejects", "99"], "No batch '99'"),
    "an unknown version": (["analyse", "m", "--version", "v9", "--segment", "region=east"], "No segment 'region=east'"),
    "a date that is none": (
        ["analyse", "m", "--from", "last week"],
        "--from 'last week' is no date such as 2026-03-29",
    ),
    "a version that is there": (["version", "add", "m", "v1"], "Version 'v1' of m is registered already"),
    "a schema that isn't there": (
        ["model", "add", "n", "--schema", "none.toml"],
        "none.toml can't be read: No such file",
    ),
    "a folder for a schema": (["model", "add", "n", "--schema", "."], ". can't be read: Is a directory"),
    "evaluation of nothing": (["ingest", "m", "x.csv", "--as", "evaluation"], "give --version"),
    "a file that isn't there": (["ingest", "m", "none.csv"], "none.csv: there is no such file"),
    "no place to write": (
        ["batch", "rejects", "1", "--out", "none/x.csv"],
        "none/x.csv can't be written: No such file",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_and_wrong_input_end_with_2_and_say_what_is_wrong(
    plumbline: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    arguments, message = WRONG[case]
    monkeypatch.chdir(tmp_path)
    ran = plumbline(*arguments)
    assert (ran.code, ran.out) == (2, ""), ran
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_without_a_reference_analyse_says_how_to_give_one(tmp_path: Path) -> None:
    plumbline = CommandLine(workspace=tmp_path / "new")
    (tmp_path / "schema.toml").write_text(SCHEMA)
    assert plumbline("model", "add", "m", "--schema", tmp_path / "schema.toml").code == 0
    ran = plumbline("analyse", "m")
    assert ran.code == 2
    assert ran.err == "plumbline: m has no reference yet; give it one with `plumbline ingest m FILE --as reference`.\n"


DATABASES = {
    "nobody listens": (
        "postgresql://u:secret@127.0.0.1:1/x",
        3,
        "The database postgresql://u:***@127.0.0.1:1/x failed",
    ),
    "no such folder": ("sqlite:////none/x.db", 3, "The database sqlite:////none/x.db failed: unable to open"),
    "another system": ("mysql://u:secret@h/x", 2, "The database URL names 'mysql'; use sqlite:/// or postgresql://"),
    "a driver that is absent": ("postgresql+nobody://u:secret@h/x", 2, "needs a driver that is not installed"),
    "no URL": ("secret", 2, "The database URL can't be read; use sqlite:/// or postgresql://"),
    "no port": ("postgresql://u:secret@h:port/x", 2, "The database URL can't be read"),
}


@pytest.mark.parametrize("case", DATABASES)
def test_a_database_that_cannot_be_used_is_named_without_its_password(template: Path, case: str) -> None:
    url, code, message = DATABASES[case]
    environment = {"PLUMBLINE_DATABASE_URL": url, "PLUMBLINE_WORKSPACE": str(template)}
    ran = run(["model", "list"], environment=environment)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err
    assert "secret" not in ran.err
    assert ran.err.count("\n") == 1


def test_postgresql_without_its_driver_says_what_to_install(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)  # as if it were not installed
    environment = {"PLUMBLINE_DATABASE_URL": "postgresql://u:secret@h/x", "PLUMBLINE_WORKSPACE": str(template)}
    ran = run(["model", "list"], environment=environment)
    assert (ran.code, ran.out) == (2, "")
    assert 'install psycopg: pip install "psycopg[binary]"' in ran.err
    assert "secret" not in ran.err


def test_a_damaged_database_and_a_full_disk_end_with_3(
    plumbline: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (plumbline.workspace / "plumbline.db").write_bytes(b"garbage" * 1_000)
    for leftover in plumbline.workspace.glob("plumbline.db-*"):
        leftover.unlink()
    ran = plumbline("model", "list")
    assert (ran.code, ran.out) == (3, "")
    assert (
        ran.err
        == f"plumbline: The database sqlite:///{plumbline.workspace}/plumbline.db failed: file is not a database\n"
    )
    (tmp_path / "file").write_text(SCHEMA)
    ran = run(["model", "add", "m", "--schema", tmp_path / "file", "--workspace", tmp_path / "file" / "workspace"])
    assert (ran.code, ran.out) == (3, "")
    assert "Not a directory" in ran.err


def test_a_defect_of_our_own_ends_with_3_and_shows_where(template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(Workspace, "open", broken)
    ran = run(["model", "list", "--workspace", template])
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("plumbline: failed unexpectedly\nTraceback")
    assert "ZeroDivisionError: a defect" in ran.err


# One JSON document on stdout and nothing beside it.


def test_every_command_with_json_prints_one_document_and_nothing_else(plumbline: CommandLine, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "log.csv", [*good(), ["odd", "yesterday", *good(1)[0][2:]]])
    late = write_csv(tmp_path / "labels.csv", [["r1", 1], ["nobody", 0]], ["id", "outcome"])
    (tmp_path / "schema.toml").write_text(SCHEMA)
    commands = (
        ("model", "list"),
        ("model", "show", "m"),
        ("model", "add", "n", "--schema", tmp_path / "schema.toml"),
        ("version", "list", "m"),
        ("ingest", "m", file),
        ("ingest", "m", file),
        ("labels", "m", late),
        ("batch", "list", "m"),
        ("batch", "rejects", 2),
        ("batch", "rejects", 1, "--labels"),
        ("analyse", "m"),
    )
    for command in commands:
        ran = plumbline(*command, "--json")
        assert (ran.code, ran.err) == (0, ""), command
        assert isinstance(ran.json, (dict, list)), command
    failed = plumbline("ingest", "m", tmp_path / "none.csv", file, "--json")
    assert (failed.code, failed.err) == (2, "")
    assert [(outcome["error"] is None, outcome["is_known"]) for outcome in failed.json] == [
        (False, False),
        (True, True),
    ]


def test_measures_in_json_have_the_keys_that_are_promised(plumbline: CommandLine, tmp_path: Path) -> None:
    plumbline("ingest", "m", write_csv(tmp_path / "log.csv", drifted()))
    printed = plumbline("analyse", "m", "--json").json
    assert list(printed) == ["measures", "findings"]
    promised = "model version window_start window_end segment column family measure value low high reference p_value"
    promised += " e_value threshold status n convention why"
    assert all(set(promised.split()) <= set(measure) for measure in printed["measures"])
    assert all(finding in printed["measures"] for finding in printed["findings"])
    statuses = {measure["status"] for measure in printed["measures"]}
    assert statuses <= {"ok", "warning", "critical", "undefined", "insufficient"}
    for measure in printed["measures"]:
        assert (measure["value"] is None) == (measure["status"] == "undefined"), measure


def test_infinity_and_names_that_are_no_text_still_make_a_valid_document(
    plumbline: CommandLine, tmp_path: Path
) -> None:
    table = good()
    table[0][3], table[1][1] = "inf", "yesterday"
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv")
    write_csv(Path(path), table)
    ran = plumbline("ingest", "m", path, "--json")
    assert (ran.code, ran.json[0]["n_rows"], ran.json[0]["file"]) == (0, 39, f"{tmp_path}/?.csv")
    Path(path).write_bytes(b"")
    ran = plumbline("ingest", "m", path, "--json")
    assert (ran.code, ran.json[0]["file"]) == (2, f"{tmp_path}/?.csv")
    ran = plumbline("ingest", "m", path)
    assert (ran.code, ran.err) == (2, f"plumbline: {tmp_path}/?.csv: is empty; expected a header line and rows.\n")
    assert "NaN" not in plumbline("analyse", "m", "--json").out


def test_a_terminal_without_unicode_gets_escapes_and_valid_json(plumbline: CommandLine, tmp_path: Path) -> None:
    table = good()
    table[0][1] = "gestern früh"
    path = write_csv(tmp_path / "für.csv", table)
    environment = {"PLUMBLINE_WORKSPACE": str(plumbline.workspace)}
    ran = run(["ingest", "m", path], environment=environment, encoding="ascii")
    assert ran.code == 0
    assert "f\\xfcr.csv: 39 rows taken in, 1 set aside" in ran.out
    ran = run(["batch", "rejects", 2, "--json"], environment=environment, encoding="ascii")
    assert "gestern früh" in ran.json[0]["message"]
    ran = run(["batch", "rejects", 2], environment=environment, encoding="ascii")
    assert (ran.code, ran.err) == (0, "")


# What comes in.


def test_a_folder_gives_each_file_that_is_called_like_a_log(plumbline: CommandLine, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    (logs / "deeper").mkdir(parents=True)
    (logs / ".cache").mkdir()
    write_csv(logs / "a.csv", good(prefix="a"))
    (logs / "b.csv.gz").write_bytes(gzip.compress(write_csv(tmp_path / "b", good(prefix="b")).read_bytes()))
    lines = [json.dumps(dict(zip(HEADER, map(str, row), strict=True))) for row in good(prefix="c")]
    (logs / "deeper" / "c.jsonl").write_text("\n".join(lines))
    columns = {name: [str(row[place]) for row in good(prefix="d")] for place, name in enumerate(HEADER)}
    pq.write_table(pa.table(columns), logs / "deeper" / "d.parquet")
    write_csv(logs / "._a.csv", good(prefix="hidden"))
    write_csv(logs / ".cache" / "a.csv", good(prefix="hidden"))
    (logs / "README.md").write_text("not a log")
    ran = plumbline("ingest", "m", logs, "--json")
    names = [f"{logs}/{name}" for name in ("a.csv", "b.csv.gz", "deeper/c.jsonl", "deeper/d.parquet")]
    assert [outcome["file"] for outcome in ran.json] == names
    assert [outcome["n_rows"] for outcome in ran.json] == [40] * 4
    assert [outcome["n_rejected"] for outcome in ran.json] == [0] * 4
    again = plumbline("ingest", "m", logs)
    assert again.code == 0
    assert again.out.count("nothing was added") == 4


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "jsonl", "parquet"])
def test_stdin_is_read_whatever_its_format_and_called_stdin(plumbline: CommandLine, tmp_path: Path, kind: str) -> None:
    plain = write_csv(tmp_path / "log.csv", good()).read_bytes()
    columns = {name: [str(row[place]) for row in good()] for place, name in enumerate(HEADER)}
    pq.write_table(pa.table(columns), tmp_path / "log.parquet")
    content = {
        "csv": plain,
        "csv.gz": gzip.compress(plain),
        "jsonl": "\n".join(json.dumps(dict(zip(HEADER, map(str, row), strict=True))) for row in good()).encode(),
        "parquet": (tmp_path / "log.parquet").read_bytes(),
    }[kind]
    ran = plumbline("ingest", "m", "-", stdin=content)
    assert (ran.code, ran.out, ran.err) == (0, "stdin: 40 rows taken in\n", "")
    assert plumbline("batch", "list", "m", "--json").json[-1]["source_name"] == "stdin"


def test_an_empty_stdin_is_bad_input(plumbline: CommandLine) -> None:
    ran = plumbline("ingest", "m", "-")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "plumbline: stdin: is empty; expected a header line and rows.\n"


def test_the_same_content_twice_adds_nothing_whatever_it_is_called(plumbline: CommandLine, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "log.csv", good())
    assert plumbline("ingest", "m", file).out == f"{file}: 40 rows taken in\n"
    for arguments, stdin in (([file], b""), (["-"], file.read_bytes())):
        ran = plumbline("ingest", "m", *arguments, stdin=stdin)
        assert ran.code == 0
        assert "is batch 2 already, taken in 20" in ran.out
        assert ran.out.endswith("UTC; nothing was added\n")
    zipped = tmp_path / "log.csv.gz"
    zipped.write_bytes(gzip.compress(file.read_bytes()))  # other bytes, the same rows
    assert plumbline("ingest", "m", zipped).out == f"{zipped}: 0 rows taken in, 40 known already\n"
    assert sum(batch["n_rows"] for batch in plumbline("batch", "list", "m", "--json").json) == 640


def test_a_bad_file_among_good_ones_fails_the_command_and_stops_no_other(
    plumbline: CommandLine, tmp_path: Path
) -> None:
    files = [write_csv(tmp_path / f"{name}.csv", good(prefix=name)) for name in "abc"]
    files[1].write_bytes(b"")
    ran = plumbline("ingest", "m", *files)
    assert ran.code == 2
    assert ran.out == f"{files[0]}: 40 rows taken in\n{files[2]}: 40 rows taken in\n"
    assert ran.err == f"plumbline: {files[1]}: is empty; expected a header line and rows.\n"


def test_a_format_that_is_not_the_files_is_refused(plumbline: CommandLine, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "log.csv", good())
    ran = plumbline("ingest", "m", file, "--format", "parquet")
    assert ran.code == 2
    assert ran.err == f"plumbline: {file}: is csv, not parquet; leave out --format to have it recognised.\n"
    assert plumbline("ingest", "m", file, "--format", "csv").code == 0


def test_late_labels_change_performance_from_undefined_to_a_number(plumbline: CommandLine, tmp_path: Path) -> None:
    table = good(200)
    plumbline("ingest", "m", write_csv(tmp_path / "log.csv", [[*row[:-1], ""] for row in table]))

    def accuracy() -> list[tuple[str, int]]:
        measures = plumbline("analyse", "m", "--json").json["measures"]
        return [(m["status"], m["n"]) for m in measures if m["measure"] == "accuracy"]

    assert accuracy() == [("undefined", 0)] * 4
    late = write_csv(tmp_path / "late.csv", [[row[0], row[-1]] for row in table], ["id", "outcome"])
    ran = plumbline("labels", "m", late)
    assert (ran.code, ran.out) == (0, f"{late}: 200 rows taken in, 200 matched their record\n")
    assert accuracy() == [("ok", 50)] * 4
    assert "is label batch 1 already" in plumbline("labels", "m", late).out


def test_from_and_to_choose_windows(plumbline: CommandLine, tmp_path: Path) -> None:
    plumbline("ingest", "m", write_csv(tmp_path / "log.csv", drifted()))

    def windows(*options: str) -> set[str]:
        return {m["window"] for m in plumbline("analyse", "m", "--json", *options).json["measures"]}

    assert windows() == {f"2026-01-{day}" for day in (11, 12, 13, 14)}
    assert windows("--from", "2026-01-13") == {"2026-01-13", "2026-01-14"}
    assert windows("--from", "2026-01-12", "--to", "2026-01-13T00:00:00+00:00") == {"2026-01-12"}
    assert windows("--from", "2027-01-01") == set()
    early = plumbline("analyse", "m", "--to", "2026-01-12")
    assert "In 2026-01-14" not in early.out  # words are of the latest window, which wasn't asked for


def test_a_new_reference_is_left_to_a_worker_that_runs(plumbline: CommandLine, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "more.csv", rows(300, prefix="more"))
    space = Workspace.open(plumbline.workspace)
    with space.worker_lock.hold():
        ran = plumbline("ingest", "m", file, "--as", "reference")
        (job,) = space.jobs.list(ME, "m")
        plumbline("analyse", "m")
        shown = space.analysis.context(ME, "m").n_reference
    plumbline("analyse", "m")
    counted = space.analysis.context(ME, "m").n_reference
    space.close()
    assert ran.code == 0
    assert "0 of 2 batches are counted" in ran.err
    assert f"plumbline job show {job.id}" in ran.err
    assert (shown, counted) == (600, 900)


def test_a_retracted_batch_is_listed_with_its_reason(plumbline: CommandLine, tmp_path: Path) -> None:
    plumbline("ingest", "m", write_csv(tmp_path / "log.csv", good()))
    ran = plumbline("batch", "retract", 2, "--reason", "sent by \x1b[31mmistake")
    assert ran.out == f"Batch 2 ({tmp_path}/log.csv, 40 rows) is retracted.\n"
    listed = plumbline("batch", "list", "m")
    assert "retracted:" in listed.out
    assert "\x1b" not in listed.out


def test_rejects_are_shown_up_to_fifty_and_written_out_whole(plumbline: CommandLine, tmp_path: Path) -> None:
    table = good(120)
    for row in table[:70]:
        row[3] = "much"
    plumbline("ingest", "m", write_csv(tmp_path / "log.csv", table))
    shown = plumbline("batch", "rejects", 2).out
    assert shown.count("is no number") == 50
    assert shown.endswith("... and 20 more; write them all with --out FILE.csv\n")
    out = tmp_path / "rejects.csv"
    assert plumbline("batch", "rejects", 2, "--out", out).out == f"Wrote 70 problems to {out}.\n"
    assert out.read_text().count("is no number") == 70


# Models.


def test_a_proposed_schema_is_printed_as_toml_and_never_written_over_another(
    plumbline: CommandLine, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "log.csv", rows(300))
    printed = plumbline("model", "infer", file)
    assert (printed.code, printed.err) == (0, "")
    proposed = tomllib.loads(printed.out)
    assert proposed["columns"]["id"] == {"role": "id"}
    out = tmp_path / "schema.toml"
    written = plumbline("model", "infer", file, "--out", out)
    assert (written.code, written.out) == (0, "")
    assert f"Wrote {out}. 2 guesses are for you to decide (marked DECIDE)." in written.err
    assert tomllib.loads(out.read_text()) == proposed
    again = plumbline("model", "infer", file, "--out", out)
    assert (again.code, again.out) == (2, "")
    assert "exists already; give --out another name or remove it" in again.err


def test_a_model_is_added_shown_and_given_a_new_schema(plumbline: CommandLine, tmp_path: Path) -> None:
    schema = tmp_path / "schema.toml"
    shown = plumbline("model", "show", "m").out
    assert shown.splitlines()[-1].startswith("# At most ")
    assert shown.splitlines()[-1].endswith("only those above 0 are stored.")
    schema.write_text(shown)
    assert plumbline("model", "add", "again", "--schema", schema).out == (
        "Added again, a binary model of 2 features.\n"
    )
    taken = plumbline("model", "add", "again", "--schema", schema)
    assert taken.code == 2
    assert "A model 'again' exists already; change its schema with `plumbline model update`" in taken.err
    schema.write_text(SCHEMA.replace('positive = "1"', 'positive = "1"\nthreshold = 0.5'))
    assert plumbline("model", "update", "again", "--schema", schema).code == 0
    assert plumbline("model", "show", "again", "--json").json["schema"]["outcome"]["threshold"] == 0.5


def test_an_unknown_version_is_set_aside_until_it_is_registered(plumbline: CommandLine, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "log.csv", good(version="v2"))
    ran = plumbline("ingest", "m", file)
    assert "0 rows taken in, 40 set aside" in ran.out
    assert "40 x unknown version in 'version'" in ran.out
    assert "look at them with: plumbline batch rejects 2" in ran.out
    assert "add it with `plumbline version add`" in plumbline("batch", "rejects", 2, "--json").json[0]["message"]
    plumbline("version", "add", "m", "v2")
    assert [version["version"] for version in plumbline("version", "list", "m", "--json").json] == ["v1", "v2"]
    plumbline("batch", "retract", 2, "--reason", "the version was not known")
    assert plumbline("ingest", "m", file).out == f"{file}: 40 rows taken in\n"
