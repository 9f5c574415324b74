"""Four rates by two attributes and by their pair, by Fairlearn's MetricFrame: rates alone, without intervals."""

import sys

import pandas as pd
from clock import measured
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from sklearn.metrics import accuracy_score

FOLDER, FILE = sys.argv[1:3]
METRICS = {
    "selection_rate": selection_rate,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
    "accuracy": accuracy_score,
}


def frames(path: str) -> None:
    rows = pd.read_parquet(path, columns=["sex", "grp", "@prediction", "@label"])
    label, said = rows["@label"].astype(int), rows["@prediction"].astype(int)
    for attributes in (["sex"], ["grp"], ["sex", "grp"]):
        frame = MetricFrame(metrics=METRICS, y_true=label, y_pred=said, sensitive_features=rows[attributes])
        frame.by_group.to_dict()
        frame.difference().to_dict()


measured(lambda: frames(f"{FOLDER}/{FILE}"), lambda: frames(f"{FOLDER}/small.parquet"))
