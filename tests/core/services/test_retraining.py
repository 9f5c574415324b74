"""What a retraining asks for is read before anybody has to approve it."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import InputError
from core.governance.proposals import ProposalKind
from core.schema import ModelSchema
from core.services.retraining import check_arguments, excluded_windows, recipe_of
from tests.builders import SCHEMA

LOANS = ModelSchema.from_toml(SCHEMA)
JUNE = {"from": "2026-06-01T00:00:00+00:00", "to": "2026-07-01T00:00:00+00:00", "reason": "the feed broke"}


def test_without_arguments_the_default_recipe_holds() -> None:
    check_arguments(ProposalKind.RETRAIN, LOANS, {})
    assert recipe_of(LOANS, {}).features == ("amount", "colour")
    assert excluded_windows({}) == ()


def test_a_recipe_and_windows_are_read() -> None:
    arguments = {"recipe": 'estimator = "linear"', "exclude": [JUNE]}
    check_arguments(ProposalKind.RETRAIN, LOANS, arguments)
    assert recipe_of(LOANS, arguments).estimator == "linear"
    assert excluded_windows(arguments)[0].reason == "the feed broke"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"recipe": 'estimator = "magic"'}, "estimator"),
        ({"recipe": "]"}, "TOML"),
        ({"recipe": 'estimator = "linear"\nfeatures = ["income"]'}, "income"),
        ({"exclude": [{**JUNE, "reason": " "}]}, "needs a reason"),
        ({"exclude": [{**JUNE, "to": "2026-05-01T00:00:00+00:00"}]}, "must end after it starts"),
        ({"exclude": [{**JUNE, "from": "2026-06-01"}]}, "with a zone"),
        ({"exclude": [{"from": "", "to": ""}]}, "needs from, to"),
        ({"exclude": 3}, "needs from, to"),
        ({"learning_rate": 3}, "not 'learning_rate'"),
    ],
)
def test_what_a_job_could_not_read_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_arguments(ProposalKind.RETRAIN, LOANS, arguments)


def test_only_a_retraining_takes_arguments() -> None:
    with pytest.raises(InputError, match="takes nothing further"):
        check_arguments(ProposalKind.PROMOTE, LOANS, {"recipe": ""})
