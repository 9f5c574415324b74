"""The command line: everything the dashboard does, for cron, CI and scripts.

Exit codes: 0 fine; 1 a gate or check says no; 2 the input or usage is wrong; 3 something outside failed.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

import typer
from typer.main import get_command

from core import __version__
from core.cli.alert import alert_app
from core.cli.analysis import analyse
from core.cli.chart import chart_app
from core.cli.concept import concept
from core.cli.fairness import fairness_app
from core.cli.governance import (
    approve,
    check_condition,
    comment,
    gate,
    propose,
    refresh,
    reject,
    request_changes,
    retry,
    revoke,
    submit,
    withdraw,
)
from core.cli.intake import batch_app, ingest, labels
from core.cli.jobs import job_app, schedule, worker
from core.cli.ledger import ledger_app
from core.cli.lineage import lineage
from core.cli.mitigation import mitigate
from core.cli.model import model_app
from core.cli.notify import notify_app
from core.cli.people import account_app, login
from core.cli.performance import performance
from core.cli.policy import policy_app
from core.cli.prediction import prediction
from core.cli.proposal import proposal_app
from core.cli.serving import demo, up
from core.cli.source import source_app
from core.cli.target import target_app
from core.cli.version import version_app
from core.console import say, warn
from core.errors import PlumblineError

__all__ = ["app", "main"]

app = typer.Typer(
    name="plumbline",
    help="Watch and sign off machine-learning models, from the predictions they log.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for group in (
    (demo, up, worker, login),
    (ingest, labels, analyse, performance, concept, schedule),
    (
        propose,
        approve,
        reject,
        request_changes,
        comment,
        withdraw,
        submit,
        refresh,
        retry,
        revoke,
        check_condition,
        gate,
    ),
    (lineage, prediction, mitigate),
):
    for command in group:
        app.command()(command)
app.add_typer(model_app, name="model")
app.add_typer(version_app, name="version")
app.add_typer(fairness_app, name="fairness")
app.add_typer(batch_app, name="batch")
app.add_typer(chart_app, name="chart")
app.add_typer(alert_app, name="alert")
app.add_typer(proposal_app, name="proposal")
app.add_typer(policy_app, name="policy")
app.add_typer(source_app, name="source")
app.add_typer(target_app, name="target")
app.add_typer(ledger_app, name="ledger")
app.add_typer(job_app, name="job")
app.add_typer(notify_app, name="notify")
app.add_typer(account_app, name="account")


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        say(f"plumbline {__version__}")
        raise typer.Exit


@cache
def _command() -> Any:
    """All commands and their options: made once a process, however many of them it runs."""
    return get_command(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit code."""
    try:
        _command()(arguments, standalone_mode=True)
    except PlumblineError as error:
        warn(f"plumbline: {error}")
        sys.exit(error.exit_code)
    except OSError as error:
        warn(f"plumbline: {error}")
        sys.exit(3)
    except Exception:  # a defect of ours: show where, and don't exit with 1, which says "no"
        warn(f"plumbline: failed unexpectedly\n{traceback.format_exc()}")
        sys.exit(3)
