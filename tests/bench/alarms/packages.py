"""Are the recoded rules equal to the real packages? Each package runs in a virtual environment of its own.

Whoever runs the benchmark says where those are; Plumbline never installs them. On two of its streams both judge
every window of every column; of Evidently, which takes seconds a window, some windows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tests.bench.alarms.rows import ROWS, SEED, windows_of
from tests.bench.alarms.rules import DEFAULTS, EVIDENTLY, EVIDENTLY_SMALL, NANNYML
from tests.bench.alarms.worlds import N_COLUMNS, Block, World, blocks

VERSIONS = {"evidently": "0.7.21", "nannyml": "0.13.1"}
CHOSEN = ("nothing changes", "0.25 sd step in 3 of 30 columns")
AROUND_CHANGE = slice(94, 106)  # windows that Evidently is asked about: it takes seconds for each

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


def absent(pythons: Mapping[str, Path]) -> dict[str, str]:
    """Why a package can't be asked, by its name: no environment was given, or one without the release."""
    found = {}
    for package, version in VERSIONS.items():
        if package not in pythons:
            found[package] = f"{package} {version}: no environment was given."
            continue
        script = f"from importlib.metadata import version; print(version({package!r}))"
        try:
            ran = subprocess.run([pythons[package], "-c", script], capture_output=True, text=True, check=False)
        except OSError as error:
            found[package] = f"{package} {version}: its Python can't be started ({error.strerror})."
            continue
        if ran.stdout.strip() != version:
            found[package] = f"{package} {version}: the environment has {ran.stdout.strip() or 'no such package'}."
    return found


def agreements(pythons: Mapping[str, Path]) -> list[Agreement]:
    """Run the packages on two streams, each by the Python of its environment, and compare."""
    found = []
    for name in CHOSEN:
        place = next(k for k, row in enumerate(ROWS) if row.name == name)
        reference, production = _stream(ROWS[place].world, place)
        for package, python in pythons.items():
            chosen = AROUND_CHANGE if package == "evidently" else slice(None)
            windows_asked = [windows[chosen] for windows in production]
            answers = _asked(package, python, reference, windows_asked)
            for rule, theirs in answers.items():
                fitted = [DEFAULTS[rule](windows) for windows in reference]
                ours = np.array(
                    [
                        [own.alarm(window) for window in windows]
                        for own, windows in zip(fitted, windows_asked, strict=True)
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


def _stream(world: World, place: int) -> tuple[list[list[np.ndarray]], list[list[np.ndarray]]]:
    """The first stream of a row: of each column the windows of reference and production."""
    parts: list[Block] = list(blocks(world, np.random.default_rng([SEED, place, 0])))
    reference = [windows_of(parts[0], c) for c in range(N_COLUMNS)]
    production = [[window for part in parts[1:] for window in windows_of(part, c)] for c in range(N_COLUMNS)]
    return reference, production


def _asked(
    package: str, python: Path, reference: list[list[np.ndarray]], production: list[list[np.ndarray]]
) -> dict[str, np.ndarray]:
    """What a package answers, by rule: shape (n_columns, n_windows)."""
    with tempfile.TemporaryDirectory(prefix="plumbline-peers-") as name:
        folder = Path(name)
        for part, columns in (("reference", reference), ("production", production)):
            frame = pd.DataFrame({f"f{c:02}": np.concatenate(windows) for c, windows in enumerate(columns)})
            frame.to_parquet(folder / f"{part}.parquet")
            if part == "reference":
                frame.iloc[-1_000:].reset_index(drop=True).to_parquet(folder / "small.parquet")
        script, n_windows = folder / "ask.py", len(production[0])
        script.write_text(NANNYML_SCRIPT if package == "nannyml" else EVIDENTLY_SCRIPT)
        environment = {**os.environ, "NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"}
        subprocess.run(
            [python, script, folder, str(n_windows)],
            check=True,
            env=environment,
            stdout=sys.stderr,
            stderr=sys.stderr,
        )
        found = json.loads((folder / "found.json").read_text())
    if package == "nannyml":
        return {NANNYML: np.array(list(found.values()))}
    return {
        EVIDENTLY: np.array(list(found["reference"].values())),
        EVIDENTLY_SMALL: np.array(list(found["small"].values())),
    }
