"""How a retraining is asked for: its recipe and days left out; the grid that tells data from model; a curve shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.options import HERE, JsonOption, WorkspaceOption, actor, as_date, opened
from core.console import counter, print_json, print_table, say
from core.errors import InputError

if TYPE_CHECKING:
    from core.services.recipe_grid import RecipeGrid

__all__ = ["ExcludeOption", "print_curve", "retraining_arguments", "version_grid"]

ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="'FROM TO REASON'",
        help="Don't learn from these days (TO is not one of them): one quoted argument, may be given again.",
    ),
]


def version_grid(
    model: str,
    recipe: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="The new recipe.")] = None,
    old_recipe: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="The old recipe; that of the version in force, if known.")
    ] = None,
    old_until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Records served before it are the old data.")
    ] = None,
    exclude: ExcludeOption = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Data or model: fit an old and a new recipe to old and to new records, and say where the gain comes from."""
    arguments = retraining_arguments(recipe, exclude)
    old = None if old_recipe is None else _read_recipe(old_recipe)
    until = as_date(old_until, "--old-until")
    space = opened(workspace)
    with counter("Fitting", total=4) as step:
        found = space.recipe_grids.fit(
            actor(space), model, arguments, old_recipe=old, old_until=until, said=lambda _: step(1, "")
        )
    if json:
        print_json(found.to_dict())
    else:
        _print(found)


def retraining_arguments(recipe: Path | None, exclude: Sequence[str] | None) -> dict[str, Any]:
    """The arguments of a retraining, as its proposal takes them; raises InputError."""
    arguments: dict[str, Any] = {}
    if recipe is not None:
        arguments["recipe"] = _read_recipe(recipe)
    if exclude:
        arguments["exclude"] = [_window(text) for text in exclude]
    return arguments


def print_curve(content: Mapping[str, Any]) -> None:
    """A curve in the form that evidence freezes, as a table and words."""
    by = str(content["objective"]).removesuffix("_score")
    rows = []
    for point in content["points"]:
        marks = ["asked for" if point["name"] == content.get("asked") else ""]
        marks += ["dominated" if point["is_dominated"] else "", "needs the group" if point["needs_group"] else ""]
        rates = [
            f"{group} " + "/".join(f"{each['value']:.3f} (n {each['n']:,})" for each in _rates(figures))
            for group, figures in point["groups"].items()
        ]
        rows.append(
            (
                point["name"],
                f"{point[by]['value']:.4f}",
                _limits(point[by]),
                f"{point['gap']['value']:.4f}",
                _limits(point["gap"]),
                ", ".join(rates),
                ", ".join(filter(None, marks)),
            )
        )
    header = ["point", by.replace("_", " "), "95% interval", "gap", "95% interval", "by group", ""]
    print_table(header, rows, right=(1, 3))
    say(f"Gap: {str(content['constraint']).replace('_', ' ')} of {content['sensitive']}. {content['convention']}")
    for sentence in (*content["left_out"], *content["notes"], content["caution"]):
        if sentence:
            say(str(sentence))


def _rates(figures: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What the constraint is about, in its order."""
    return [figure for rate, figure in figures.items() if rate != "accuracy"]


def _limits(figure: Mapping[str, Any]) -> str:
    return f"{figure['low']:.4f} to {figure['high']:.4f}"


def _print(found: RecipeGrid) -> None:
    say(
        f"{found.n_old:,} old records (before {found.old_until:%Y-%m-%d %H:%M} UTC), {found.n_new:,} with the new, "
        f"{found.n_held_out:,} held out: {found.chosen}."
    )
    if found.old_recipe == found.new_recipe:
        say("Both recipes are the same.")
    header = ["measure", "old, old data", "new, old data", "old, new data", "new, new data"]
    print_table(header, [(m.measure, *(f"{cell:.4f}" for cell in m.cells)) for m in found.measures], right=(1, 2, 3, 4))
    for measure in found.to_dict()["measures"]:
        say(f"{measure['measure']}: {measure['why']}")
    say(
        "Intervals are for other rows like those held out; that other rows to learn from give other fits isn't in them."
    )


def _read_recipe(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; a recipe is a TOML file.") from error


def _window(text: str) -> dict[str, str]:
    parts: Sequence[str] = text.split(maxsplit=2)
    if len(parts) != 3:
        raise InputError(f"--exclude {text!r} needs FROM, TO and REASON, such as '2026-03-02 2026-03-09 broken feed'.")
    start, end = as_date(parts[0], "--exclude"), as_date(parts[1], "--exclude")
    if start is None or end is None or start >= end:
        raise InputError(f"--exclude {text!r}: FROM must lie before TO.")
    return {"from": start.isoformat(), "to": end.isoformat(), "reason": parts[2]}
