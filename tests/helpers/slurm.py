"""A real Slurm of one machine, for as long as a test wants it."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={machine}
AuthType=auth/none
CredType=cred/none
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class NoSlurm(Exception):  # noqa: N818 - the test skips
    """It cannot be started here; the message says why."""


@contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """Start a controller and a machine; yields the environment in which ``sbatch`` finds them.

    Raises:
        NoSlurm: if it is not installed, or does not come up.
    """
    path = f"{os.environ['PATH']}:/usr/sbin"
    missing = [name for name in ("slurmctld", "slurmd", "sbatch") if shutil.which(name, path=path) is None]
    if missing:
        raise NoSlurm(f"{missing[0]} is not installed (Debian: slurm-wlm)")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    values = {"host": platform.node().partition(".")[0], "user": os.environ.get("USER", "root"), "folder": folder}
    ports = dict(zip(("controller", "machine"), _free_ports(2), strict=True))
    text = CONFIGURATION.format(**values, **ports, cores=os.cpu_count())
    (folder / "slurm.conf").write_text(text)
    environment = os.environ | {"PATH": path, "SLURM_CONF": str(folder / "slurm.conf")}
    daemons = [
        subprocess.Popen([name, "-D"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name in ("slurmctld", "slurmd")
    ]
    try:
        _wait_until_idle(environment, folder)
        yield environment
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait_until_idle(environment: dict[str, str], folder: Path) -> None:
    for _ in range(100):
        command = ["sinfo", "-h", "-o", "%T"]
        shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if shown.stdout.strip() == "idle":
            return
        time.sleep(0.2)
    log = folder / "slurmctld.log"
    raise NoSlurm(f"it does not come up: {shown.stdout}{shown.stderr}{log.read_text()[-300:] if log.exists() else ''}")
