"""The graph of a lineage: each thing once, a line for each link, and all of it in words."""

from __future__ import annotations

from core.charts.frame import DARK, LIGHT
from core.charts.lineage import LineageRow, lineage_graph


def row(name: str, parent: str | None = None, *, is_in_force: bool = False, **links: tuple) -> LineageRow:  # type: ignore[type-arg]
    given = {"data": (), "stacked_on": (), **links}
    return LineageRow(name=name, note="candidate", parent=parent, is_in_force=is_in_force, **given)


ROWS = [
    row("v1", data=(("validated on", "batch 1"),)),
    row("v2", "v1", data=(("trained on", "batches 1 to 4"), ("evaluated on", "batch 5")), is_in_force=True),
    row("v3", "v1", data=(("evaluated on", "batch 5"),), stacked_on=("income",)),
]


def test_each_version_set_of_data_and_model_is_one_mark_and_each_link_one_line() -> None:
    for palette in (LIGHT, DARK):
        figure = lineage_graph(ROWS, read_by=("pricing",), palette=palette).figure
        assert [trace.hovertext[0].split("<br>")[0] for trace in figure.data] == [
            *("batch 5", "batches 1 to 4", "batch 1"),
            *("income", "pricing"),
            *("v3", "v2", "v1"),
        ]
        n_data, n_stacked, n_parents = 4, 2, 2
        assert len(figure.layout.shapes) == n_data + n_stacked + n_parents
        assert sum(shape.line.dash == "dot" for shape in figure.layout.shapes) == n_stacked
        (in_force,) = (t for t in figure.data if t.marker.color == palette.current)
        assert in_force.hovertext[0].startswith("v2")


def test_no_two_marks_stand_on_each_other() -> None:
    crowded = [row("v1", stacked_on=("a", "b", "c"), data=tuple(("trained on", f"batch {n}") for n in range(3)))]
    figure = lineage_graph(crowded, read_by=("d", "a"), palette=LIGHT).figure
    places = [(trace.x[0], round(trace.y[0], 3)) for trace in figure.data]
    assert len(places) == len(set(places)) == 3 + 4 + 1


def test_the_words_say_what_is_drawn() -> None:
    assert lineage_graph(ROWS, read_by=("pricing",), palette=LIGHT).alt == (
        "v3 (candidate): from v1, evaluated on batch 5, reads outputs of income. v2 (candidate): from v1, trained on "
        "batches 1 to 4, evaluated on batch 5. v1 (candidate): validated on batch 1. pricing reads its outputs."
    )
    many = [row(f"v{n}") for n in range(15)]
    chart = lineage_graph(many, read_by=(), palette=LIGHT)
    assert chart.alt.startswith("The last 12 of 15 versions. v14 (candidate): nothing else is known.")
    assert len(chart.figure.data) == 12
    assert lineage_graph([], read_by=(), palette=LIGHT).alt == "No version is registered."


def test_names_that_are_markup_are_drawn_as_text() -> None:
    figure = lineage_graph([row("<b>x</b>", stacked_on=("<i>y</i>",))], read_by=(), palette=LIGHT).figure
    texts = [note.text for note in figure.layout.annotations] + [trace.hovertext[0] for trace in figure.data]
    assert all("&lt;" in text and "<i>" not in text for text in texts)
