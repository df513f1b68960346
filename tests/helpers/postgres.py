"""A PostgreSQL server of a test's own, on loopback, with a user who needs a password."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

USER, PASSWORD = "researcher", "s3cret-Wörd"


def find_server() -> Path | None:
    """Folder of the server's programs, None where it is not installed."""
    on_path = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(on_path).parent if on_path else debian[-1].parent if debian else None


class Server:
    """A server and where it keeps its data; it refuses to run as root, so then it runs as nobody."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.data = programs, folder / "data"
        self.user = "nobody" if os.getuid() == 0 else None
        self.port = free_port()
        if self.user:
            os.chown(folder, pwd.getpwnam(self.user).pw_uid, -1)
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        options = ["--auth=scram-sha-256", f"--username={USER}", f"--pwfile={password}", "--encoding=UTF8"]
        self._call("initdb", f"--pgdata={self.data}", *options)

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        self._call(
            "pg_ctl", "start", "--wait", f"--pgdata={self.data}", f"--log={self.data}/log", f"--options={options}"
        )

    def kill(self) -> None:
        """End it as a power failure would."""
        master = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(master, signal.SIGSTOP)  # so that it begins no further child
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        for process in (master, *map(int, children)):
            with suppress(ProcessLookupError):  # it followed the others
                os.kill(process, signal.SIGKILL)
        while any(is_alive(process) for process in (master, *map(int, children))):
            time.sleep(0.01)  # their shared memory would keep the next server from starting

    def url(self, password: str = PASSWORD) -> str:
        """Address of its database, as a user types it."""
        return f"postgresql://{USER}:{password.replace('ö', '%C3%B6')}@127.0.0.1:{self.port}/postgres"

    def _call(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        subprocess.run(command, check=True, user=self.user, cwd="/", stdout=subprocess.DEVNULL, timeout=60)


def is_alive(process: int) -> bool:
    """Whether a process still runs; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def free_port() -> int:
    """A port of loopback that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_server(programs: Path) -> Iterator[Server]:
    """A server that runs while the block does."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = Server(programs, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()
