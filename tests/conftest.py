"""What every test may ask for."""

from __future__ import annotations

import gc
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from core.workspace import Workspace
from tests.once import hashed_quickly, statements_compiled_once, tables_made_once

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
# What costs much to prepare is prepared by one process; large groups are dealt first, so what takes long is with them.
TOGETHER = {
    "tests/browser/": "the demo",
    "tests/sample_data/": "the demo",
    "tests/real/": "real data",
    "tests/test_walkthrough.py": "real data",
    "tests/core/services/test_signing_machine.py": "signing",
    "tests/core/services/test_proposals.py": "signing",
    "tests/core/actions/retrain/": "trained models",
    "tests/core/profile/test_in_place.py": "tables in place",
    "tests/core/services/test_sources.py": "tables in place",
    "tests/dashboard/test_fairness.py": "audits",
    "tests/core/services/test_audits.py": "audits",
    "tests/core/services/test_audited_rows.py": "audits",
    "tests/core/cli/test_fairness_commands.py": "audits",
}
settings.register_profile("any machine", deadline=None)  # a busy machine is no defect
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets beside the project; the test skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data sets (../shared/data) are absent")
    return SHARED_DATA


class FilesTogether(LoadScopeScheduling):
    """A process takes whole files, and files that stand `TOGETHER` as one.

    The mark `xdist_group` would say so test by test; with pytest 9.2 pytest-xdist 3.8 passes over it in silence.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        return next((group for start, group in TOGETHER.items() if path.startswith(start)), path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FilesTogether:
    """How tests are dealt out to processes."""
    return FilesTogether(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where the real data sets are absent altogether, say so once instead of skipping test by test."""
    if SHARED_DATA.is_dir():
        return
    left_out = [item for item in items if item.get_closest_marker("data")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
        print(f"\n{len(left_out)} tests on real data are left out: ../shared/data is absent")  # noqa: T201


def pytest_collection_finish() -> None:
    """What was imported to collect the tests stays: no collection of garbage looks through it again."""
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything is installed, as in CI, a test that skips is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("PLUMBLINE_FAIL_ON_SKIP") and reporter is not None and reporter.stats.get("skipped"):
        print("\nSkipped tests count as failures (PLUMBLINE_FAIL_ON_SKIP is set).")  # noqa: T201
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session", autouse=True)
def paid_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hashes that cost little, tables and statements that are made once; tests of these ask for the real thing."""
    folder = tmp_path_factory.mktemp("migrated")
    with hashed_quickly(), tables_made_once(folder), statements_compiled_once():
        yield


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """An empty workspace on SQLite whose clock stands still."""
    workspace = Workspace.open(tmp_path / "workspace", clock=lambda: NOW)
    yield workspace
    workspace.close()


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo workspace, built once; whoever asks for it belongs to the xdist group "demo" and only reads."""
    from sample_data.demo import N_STEPS, build_demo

    folder = tmp_path_factory.mktemp("demo") / "workspace"
    steps: list[int] = []
    assert build_demo(folder, step=lambda done, _word: steps.append(done))
    assert sum(steps) == N_STEPS, "the progress bar ends before the build, or after it"
    return folder


@pytest.fixture(scope="session")
def audited_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose groups are known, built once; whoever asks for it belongs to the xdist group "audited"."""
    from tests.audited import build

    return build(tmp_path_factory.mktemp("audited") / "workspace")


def _postgres_binaries() -> Path | None:
    found = shutil.which("pg_ctl")
    candidates = (
        [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    )
    return next((folder for folder in candidates if (folder / "initdb").exists()), None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A real PostgreSQL server of the tests' own; the URL of its maintenance database."""
    binaries = _postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server programs are absent: install Debian's package postgresql")
    # Not pytest's own folder: only root may enter that where root runs the tests.
    folder = Path(tempfile.mkdtemp(prefix="plumbline-postgres-"))
    as_owner: dict[str, int] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        owner = pwd.getpwnam("postgres")
        as_owner = {"user": owner.pw_uid, "group": owner.pw_gid}
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"

    def run(program: str, *options: object) -> None:
        command = [binaries / program, "-D", data, *map(str, options)]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **as_owner)

    run("initdb", "-U", "plumbline", "-A", "trust", "-E", "UTF8")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
    run("pg_ctl", "-w", "-l", folder / "log", "-o", options, "start")
    yield f"postgresql://plumbline@127.0.0.1:{port}/postgres"
    run("pg_ctl", "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """A new, empty database on the server."""
    import psycopg

    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres_server.rsplit("/", 1)[0] + f"/{name}"


@pytest.fixture(scope="session")
def spark_session() -> Iterator[Any]:
    """A real Spark on this machine, with two threads; its session's zone is Asia/Kolkata."""
    if shutil.which("java") is None:
        pytest.skip("Java is absent: install Debian's package default-jre-headless")
    pyspark = pytest.importorskip("pyspark.sql", reason="pyspark is absent: install plumbline[spark]")
    options = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.codegen.wholeStage": "false",  # compiling takes longer than some hundred rows do
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "Asia/Kolkata",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.warehouse.dir": tempfile.mkdtemp(prefix="plumbline-spark-"),
    }
    builder = pyspark.SparkSession.builder.master("local[2]")
    for name, value in options.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'plumbline.db'}"
    return request.getfixturevalue("postgres_url")
