"""NannyML's univariate calculator by day, 30 columns: KS, Jensen-Shannon and Wasserstein, fit and calculate."""

import sys

import nannyml
import pandas as pd
from clock import measured

FOLDER, FILE = sys.argv[1:3]


def daily(path: str) -> None:
    reference = pd.read_parquet(f"{FOLDER}/reference.parquet")
    columns = [name for name in reference if name[0] in "nc" and name[1:].isdigit()]
    current = pd.read_parquet(path, columns=[*columns, "@timestamp"])
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=columns,
        timestamp_column_name="@timestamp",
        continuous_methods=["kolmogorov_smirnov", "jensen_shannon", "wasserstein"],
        categorical_methods=["jensen_shannon"],
        chunk_period="D",
    )
    calculator.fit(reference).calculate(current).to_df()


measured(lambda: daily(f"{FOLDER}/{FILE}"), lambda: daily(f"{FOLDER}/small.parquet"))
