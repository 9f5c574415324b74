"""A program that runs commands, each in a process of its own that is forked from it: imports are paid for once.

with serving(folder) as plumbline:  # a program like the real one, but for how it starts
    subprocess.run([plumbline, "model", "list"])
"""

from __future__ import annotations

import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import core

__all__ = ["serving"]

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = "core.storage.migrations."  # Alembic loads them
ALSO = ("alembic.command", "pandas", "pyarrow.parquet", "scipy.stats", "sklearn.ensemble", "sklearn.linear_model")
PROGRAM = """#!{python} -IS
import json, os, socket, sys
if sys.argv[1:2] == ["worker"]:  # is sent signals: a process that was started
    os.environ["PYTHONPATH"] = {root!r}
    os.execv({python!r}, [{python!r}, "-c", "from core.cli import main; main()", *sys.argv[1:]])
asked = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [len(asked).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(asked)
    answer = server.recv(1)
sys.exit(answer[0] if answer else 70)
"""


@contextmanager
def serving(folder: Path) -> Iterator[Path]:
    """`plumbline` as a program in a folder, while the server that runs its commands lives."""
    with tempfile.TemporaryDirectory(prefix="plumbline-") as short:  # a socket's address can't be long
        address = f"{short}/socket"
        command = [sys.executable, "-m", "tests.command_server", address]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        program = folder / "plumbline"
        program.write_text(PROGRAM.format(python=sys.executable, root=str(ROOT), address=address))
        program.chmod(0o755)
        try:
            yield program
        finally:
            server.terminate()
            server.communicate()


def main() -> None:
    for module in pkgutil.walk_packages(core.__path__, "core."):
        if not f"{module.name}.".startswith(LEFT_OUT):
            import_module(module.name)
    for name in ALSO:
        import_module(name)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(sys.argv[1])
        listening.listen()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        print("ready", flush=True)  # noqa: T201 (the answer)
        while True:
            client, _ = listening.accept()
            if not os.fork():
                listening.close()
                _run(client)
            client.close()
            _reap()


def _reap() -> None:
    """What ended is waited for, so that its time counts as ours."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _run(client: socket.socket) -> None:
    """One command on the streams, in the folder and with the environment of who asked; this process ends with it."""
    code: object = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        head, streams, _, _ = socket.recv_fds(client, 4, 3)
        asked = b""
        while len(asked) < int.from_bytes(head, "big"):
            asked += client.recv(1 << 16)
        arguments, folder, environment = json.loads(asked)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        from core.cli import main as plumbline

        plumbline(arguments)
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        client.sendall(bytes([code if isinstance(code, int) else 1]))
        os._exit(0)


if __name__ == "__main__":
    main()
