"""Are the recoded rules equal to the real packages? Each package runs in a virtual environment of its own.

It needs a package index. On two of the benchmark's streams every window of every column is judged by both;
of Evidently, which takes seconds a window, some windows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tests.bench.alarms.rows import ROWS, SEED, windows_of
from tests.bench.alarms.rules import DEFAULTS, EVIDENTLY, EVIDENTLY_SMALL, NANNYML
from tests.bench.alarms.worlds import N_COLUMNS, Block, World, blocks

PACKAGES = {"evidently": "evidently==0.7.21", "nannyml": "nannyml==0.13.1"}
CHOSEN = ("nothing changes", "0.25 sd step in 3 of 30 columns")
N_EVIDENTLY = 24  # windows
N_NANNYML = 365

NANNYML_SCRIPT = """
import json, sys
import pandas as pd, nannyml
folder = sys.argv[1]
reference, analysis = (pd.read_parquet(f"{folder}/{part}.parquet") for part in ("reference", "production"))
calculator = nannyml.UnivariateDriftCalculator(
    column_names=list(reference.columns), chunk_size=1000,
    continuous_methods=["jensen_shannon"], categorical_methods=["jensen_shannon"],
)
results = calculator.fit(reference).calculate(analysis).filter(period="analysis").to_df()
found = {c: results[(c, "jensen_shannon", "alert")].astype(bool).tolist() for c in reference.columns}
json.dump(found, open(f"{folder}/found.json", "w"))
"""
EVIDENTLY_SCRIPT = """
import json, sys
import pandas as pd
from evidently import Report, Dataset, DataDefinition
from evidently.metrics import ValueDrift
folder, n_windows = sys.argv[1], int(sys.argv[2])
production = pd.read_parquet(f"{folder}/production.parquet")
found = {}
for name in ("reference", "small"):
    reference = pd.read_parquet(f"{folder}/{name}.parquet")
    numbers = [c for c in reference if reference[c].dtype.kind == "f"]
    definition = DataDefinition(
        numerical_columns=numbers, categorical_columns=[c for c in reference if c not in numbers]
    )
    before = Dataset.from_pandas(reference, data_definition=definition)
    report = Report([ValueDrift(column=c) for c in reference.columns], include_tests=True)
    answers = {c: [] for c in reference.columns}
    for window in range(n_windows):
        rows = production.iloc[window * 1000 : (window + 1) * 1000].reset_index(drop=True)
        result = report.run(Dataset.from_pandas(rows, data_definition=definition), before)
        for test, c in zip(result.dict()["tests"], reference.columns):
            answers[c].append(str(test["status"]).upper().endswith("FAIL"))
    found[name] = answers
json.dump(found, open(f"{folder}/found.json", "w"))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How many answers of a recoded rule were compared, and how many differed."""

    rule: str
    stream: str
    n_compared: int
    n_different: int
    n_alarms: int


def agreements(folder: Path) -> list[Agreement]:
    """Make the environments in a folder, run the packages on two streams, and compare."""
    found = []
    pythons = {name: _environment(folder / name, wanted) for name, wanted in PACKAGES.items()}
    for name in CHOSEN:
        place = next(k for k, row in enumerate(ROWS) if row.name == name)
        reference, production = _stream(ROWS[place].world, place)
        for package, python in pythons.items():
            n_windows = N_EVIDENTLY if package == "evidently" else N_NANNYML
            answers = _asked(package, python, reference, production, n_windows)
            for rule, theirs in answers.items():
                fitted = [DEFAULTS[rule](windows) for windows in reference]
                ours = np.array(
                    [
                        [own.alarm(window) for window in windows[:n_windows]]
                        for own, windows in zip(fitted, production, strict=True)
                    ]
                )
                found.append(
                    Agreement(
                        rule=rule,
                        stream=name,
                        n_compared=ours.size,
                        n_different=int((ours != theirs).sum()),
                        n_alarms=int(theirs.sum()),
                    )
                )
    return found


def _environment(folder: Path, wanted: str) -> Path:
    """A new virtual environment with one package; its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", wanted], check=True, stdout=sys.stderr)
    return python


def _stream(world: World, place: int) -> tuple[list[list[np.ndarray]], list[list[np.ndarray]]]:
    """The first stream of a row: of each column the windows of reference and production."""
    parts: list[Block] = list(blocks(world, np.random.default_rng([SEED, place, 0])))
    reference = [windows_of(parts[0], c) for c in range(N_COLUMNS)]
    production = [[window for part in parts[1:] for window in windows_of(part, c)] for c in range(N_COLUMNS)]
    return reference, production


def _asked(
    package: str, python: Path, reference: list[list[np.ndarray]], production: list[list[np.ndarray]], n_windows: int
) -> dict[str, np.ndarray]:
    """What a package answers, by rule: shape (n_columns, n_windows)."""
    with tempfile.TemporaryDirectory(prefix="plumbline-peers-") as name:
        folder = Path(name)
        for part, columns in (("reference", reference), ("production", production)):
            frame = pd.DataFrame({f"f{c:02}": np.concatenate(windows) for c, windows in enumerate(columns)})
            frame.to_parquet(folder / f"{part}.parquet")
            if part == "reference":
                frame.iloc[-1_000:].reset_index(drop=True).to_parquet(folder / "small.parquet")
        script = folder / "ask.py"
        script.write_text(NANNYML_SCRIPT if package == "nannyml" else EVIDENTLY_SCRIPT)
        environment = {**os.environ, "NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"}
        subprocess.run(
            [python, script, folder, str(n_windows)], check=True, env=environment, stdout=sys.stderr, stderr=sys.stderr
        )
        found = json.loads((folder / "found.json").read_text())
    if package == "nannyml":
        return {NANNYML: np.array(list(found.values()))}
    return {
        EVIDENTLY: np.array(list(found["reference"].values())),
        EVIDENTLY_SMALL: np.array(list(found["small"].values())),
    }
