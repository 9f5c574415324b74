"""Evidently's DataDriftPreset of 30 columns, all of the file against the reference, as a dictionary."""

import sys

import pandas as pd
from clock import measured
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

FOLDER, FILE = sys.argv[1:3]


def report(path: str) -> None:
    reference = pd.read_parquet(f"{FOLDER}/reference.parquet")
    columns = [name for name in reference if name[0] in "nc" and name[1:].isdigit()]
    numbers = [name for name in columns if name[0] == "n"]
    definition = DataDefinition(
        numerical_columns=numbers, categorical_columns=[name for name in columns if name not in numbers]
    )
    current = pd.read_parquet(path, columns=columns)
    before, after = (Dataset.from_pandas(rows, data_definition=definition) for rows in (reference[columns], current))
    Report([DataDriftPreset()]).run(after, before).dict()


measured(lambda: report(f"{FOLDER}/{FILE}"), lambda: report(f"{FOLDER}/small.parquet"))
