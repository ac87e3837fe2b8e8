import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from orchestrator.journal import Owner
from orchestrator.journal.owner import this_process

only_with_proc = pytest.mark.skipif(
    not os.path.exists("/proc/self/stat"), reason="the kernel does not tell when a process began"
)

CHILD = """
import dataclasses, json
from orchestrator.journal.owner import this_process
print(json.dumps(dataclasses.asdict(this_process())), flush=True)
input()
"""


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    """A process that tells who it is, and then waits."""
    command = [sys.executable, "-c", CHILD]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield process
        process.kill()


def owner(child: subprocess.Popen[str]) -> Owner:
    assert child.stdout is not None
    return Owner(**json.loads(child.stdout.readline()))


def test_this_process_lives_and_names_itself_for_people() -> None:
    me = this_process()
    assert not me.has_died()
    assert str(me) == f"process {os.getpid()} on {socket.gethostname()}"
    assert me != this_process()


def test_a_process_that_ended_has_died(child: subprocess.Popen[str]) -> None:
    other = owner(child)
    assert not other.has_died()
    child.kill()
    child.wait()
    assert other.has_died()


@only_with_proc
def test_a_zombie_has_died(child: subprocess.Popen[str]) -> None:
    other = owner(child)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    os.kill(child.pid, signal.SIGCONT)  # its id is still taken
    assert other.has_died()


@only_with_proc
def test_another_process_with_the_same_id_is_another() -> None:
    assert replace(this_process(), started="1").has_died()


def test_of_other_machines_and_containers_nothing_is_known() -> None:
    assert not replace(this_process(), pid=2**22 + 1, kernel="elsewhere").has_died()
