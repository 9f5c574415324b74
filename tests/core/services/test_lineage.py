"""Where versions come from, read off what was registered, and what to beware of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import SchemaError
from core.governance.identity import LOCAL_OPERATOR
from core.governance.proposals import ProposalKind
from core.record import BatchRole
from core.schema import ModelSchema
from core.services.lineage import DataUse, Lineage
from tests.builders import SCHEMA
from tests.governed import MODEL, NOW, Governed, build
from tests.people import Person

STACKED = SCHEMA.replace(
    'amount = { role = "feature", type = "numeric" }',
    'amount = { role = "feature", type = "numeric", output_of = "income" }',
)
INCOME = STACKED.replace('output_of = "income"', 'output_of = "m"')


@pytest.fixture
def governed(tmp_path: Path) -> Iterator[Governed]:
    found = build(tmp_path)
    yield found
    found.workspace.close()


def shown(governed: Governed) -> Lineage:
    return governed.workspace.lineage.show(governed.vera, MODEL)


def test_data_and_parents_are_those_that_were_registered(governed: Governed) -> None:
    versions = governed.workspace.versions
    versions.add(LOCAL_OPERATOR, MODEL, "v3", training={"batches": [2, 1]}, parent="v2", origin="proposal 7")
    batches = {batch.id: batch for batch in governed.workspace.batches.list(governed.vera, MODEL)}
    (reference,) = (b.id for b in batches.values() if b.role == BatchRole.REFERENCE)
    found = {one.version.name: one for one in shown(governed).versions}
    assert list(found) == ["v1", "v2", "v3"]
    assert found["v1"].data[DataUse.VALIDATED].batches == (reference,)
    (evaluated,) = found["v2"].data[DataUse.EVALUATED].batches
    assert batches[evaluated].evaluated_version == "v2"
    trained = found["v3"].data[DataUse.TRAINED]
    assert (trained.batches, trained.name) == ((1, 2), "batches 1 to 2")
    assert trained.n_rows == batches[1].n_rows + batches[2].n_rows
    assert (trained.first_at, trained.last_at) == (batches[1].first_at, batches[2].last_at)
    assert (found["v3"].parent, found["v3"].origin, found["v3"].stacked_on) == ("v2", "proposal 7", ())
    assert shown(governed).warnings == ()


def test_rows_that_are_gone_and_rows_that_flatter_are_told(governed: Governed) -> None:
    batch = governed.ingest()
    governed.workspace.versions.add(LOCAL_OPERATOR, MODEL, "v3", training={"batches": [batch, batch + 1]})
    assert shown(governed).warnings == (
        f"v3 was trained on batches that were retracted since, or aren't there: {batch + 1}.",
    )
    assert {one.version.name: one for one in shown(governed).versions}["v3"].data[DataUse.TRAINED].sources[1] == ""
    assert governed.evaluate("v3") == batch + 1
    assert shown(governed).warnings == (
        f"v3 was trained on what it was evaluated on too (batch {batch + 1}): that flatters it.",
    )
    governed.workspace.batches.retract(LOCAL_OPERATOR, batch, reason="broken")
    assert shown(governed).warnings[0].endswith(f"or aren't there: {batch}.")


def test_a_model_that_stacks_on_another_is_told_whose_outputs_it_reads_and_what_changed_there(
    governed: Governed,
) -> None:
    space = governed.workspace
    space.models.update(LOCAL_OPERATOR, MODEL, STACKED)
    (warning,) = shown(governed).warnings
    assert warning.startswith("m reads outputs of income (amount), which isn't watched here")
    space.models.add(LOCAL_OPERATOR, "income", SCHEMA)
    space.versions.add(LOCAL_OPERATOR, "income", "i1")
    space.versions.add(LOCAL_OPERATOR, MODEL, "v3", parameters={"features": ["colour"]})
    found = {one.version.name: one for one in shown(governed).versions}
    assert [(s.model, s.features, s.in_force) for s in found["v2"].stacked_on] == [("income", ("amount",), None)]
    assert found["v3"].stacked_on == (), "it doesn't learn from that feature"
    below = space.lineage.show(governed.vera, "income")
    assert [(stack.model, stack.features) for stack in below.read_by] == [(MODEL, ("amount",))]
    governed.clock.advance(days=1)
    asked = space.proposals.open(governed.ada, "income", ProposalKind.PROMOTE, "i1", reason="the first")
    governed.run(governed.decide(asked.proposal.id).job_id)
    told = shown(governed).warnings
    assert told[0].startswith("m stacks on income: it reads amount. ")
    assert [t.split(":")[0] for t in told[1:]] == [
        f"income put i1 in force on 2026-02-01, after {version} was registered" for version in ("v1", "v2")
    ]
    assert f"{NOW:%Y-%m-%d}" == "2026-01-31"


def test_a_circle_of_models_is_told(governed: Governed) -> None:
    governed.workspace.models.update(LOCAL_OPERATOR, MODEL, STACKED)
    governed.workspace.models.add(LOCAL_OPERATOR, "income", INCOME)
    assert shown(governed).warnings[-1] == (
        "It stacks on itself: m reads income reads m. An error of its own comes back to it as an input."
    )


def test_only_a_feature_is_another_models_output_and_a_schema_without_any_keeps_its_digest() -> None:
    with pytest.raises(SchemaError, match="output_of names the model"):
        ModelSchema.from_toml(SCHEMA.replace('role = "score"', 'role = "score", output_of = "income"'))
    schema = ModelSchema.from_toml(SCHEMA)
    assert "output_of" not in schema.canonical_json()
    assert (schema.stacked_on, ModelSchema.from_toml(STACKED).stacked_on) == ({}, {"income": ("amount",)})


def test_the_command_says_the_same(governed: Governed) -> None:
    governed.workspace.models.update(LOCAL_OPERATOR, MODEL, STACKED)
    operator = Person(workspace=governed.workspace.folder)
    ran = operator("lineage", MODEL)
    assert (ran.code, ran.err[:8]) == (0, "Beware: ")
    assert "validated on batch 1: 240 rows, 2026-01-01 to 2026-01-04" in ran.out
    found = operator("lineage", MODEL, "--json").json
    assert [v["version"] for v in found["versions"]] == ["v1", "v2"]
    assert found["versions"][1]["stacked_on"][0]["model"] == "income"
    assert len(found["warnings"]) == 1
    assert operator("lineage", "n").code == 2
