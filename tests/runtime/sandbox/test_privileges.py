"""What a process no longer has, and whom it no longer outlives, once it has given up its privileges."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.runtime.sandbox.warden import privileges

REPOSITORY = str(Path(privileges.__file__).resolve().parents[4])
SYSTEM_PYTHON = "/usr/bin/python3"
NOBODY = 65534

Child = Callable[[str], "subprocess.CompletedProcess[str]"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these are Linux's")

PRELUDE = """
import ctypes, errno, os, sys
sys.path.insert(0, {repository!r})
from workbench.runtime.sandbox.warden import privileges
from workbench.runtime.sandbox.warden.syscalls import call

def attempt(function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "ok"

def status(*names):
    with open("/proc/self/status") as file:
        lines = dict(line.split(":", 1) for line in file)
    return " ".join(lines[name].strip() for name in names)

if {drop}:
    os.setgroups([])
    os.setresgid({nobody}, {nobody}, {nobody})
    os.setresuid({nobody}, {nobody}, {nobody})
"""

NOTHING = "0" * 16
SETPCAP = 1 << 8


def may_change_bounding_set() -> bool:
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return any(int(line.split()[1], 16) & SETPCAP for line in lines if line.startswith("CapEff"))


def system_python_is_recent() -> bool:
    if not os.path.exists(SYSTEM_PYTHON):
        return False
    question = "import sys; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([SYSTEM_PYTHON, "-I", "-S", "-c", question], check=False).returncode == 0


def run_child(body: str, *, drop: bool) -> subprocess.CompletedProcess[str]:
    prelude = PRELUDE.format(repository=REPOSITORY, drop=drop, nobody=NOBODY)
    return subprocess.run(
        [SYSTEM_PYTHON if drop else sys.executable, "-I", "-S", "-c", prelude + body],
        capture_output=True,
        check=False,
        text=True,
        timeout=25,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )


@pytest.fixture(params=["as we are", "as an ordinary user"])
def child(request: pytest.FixtureRequest) -> Child:
    drop = request.param == "as an ordinary user"
    if drop and os.getuid() != 0:
        pytest.skip("this is an ordinary user already")
    if drop and not system_python_is_recent():
        pytest.skip(f"{SYSTEM_PYTHON} is missing or older than 3.11")
    return lambda body: run_child(body, drop=drop)


def said(finished: subprocess.CompletedProcess[str]) -> list[str]:
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.split()


def test_no_capability_is_left(child: Child) -> None:
    body = "privileges.drop_capabilities()\nprint(status('CapInh', 'CapPrm', 'CapEff', 'CapAmb'))"

    assert said(child(body)) == [NOTHING] * 4


def test_dropping_twice_is_no_error(child: Child) -> None:
    body = "privileges.drop_capabilities()\nprivileges.drop_capabilities()\nprint('twice')"

    assert said(child(body)) == ["twice"]


def test_no_program_gets_a_capability_back(child: Child) -> None:
    body = """
privileges.drop_capabilities()
privileges.no_new_privileges()
os.execv("/bin/grep", ["grep", "-hE", "Cap(Prm|Eff|Amb)", "/proc/self/status"])
"""

    assert said(child(body)) == ["CapPrm:", NOTHING, "CapEff:", NOTHING, "CapAmb:", NOTHING]


@pytest.mark.skipif(not may_change_bounding_set(), reason="only who holds CAP_SETPCAP can empty the bounding set")
def test_roots_bounding_set_is_emptied_and_its_programs_are_nobodys() -> None:
    body = """
privileges.drop_capabilities()
print(status("CapBnd"), attempt(os.chown, "/", 0, 0), attempt(os.setuid, 1000), attempt(os.chroot, "/"))
print(attempt(call, "prctl", privileges.PR_SET_SECUREBITS, 0, 0, 0, 0), flush=True)
os.execv("/bin/grep", ["grep", "-h", "CapEff", "/proc/self/status"])
"""

    said_by_root = said(run_child(body, drop=False))

    assert said_by_root == [NOTHING, "ok", "EPERM", "EPERM", "EPERM", "CapEff:", NOTHING]


@pytest.mark.skipif(not may_change_bounding_set(), reason="only who holds CAP_SETPCAP can change the secure bits")
def test_root_is_an_ordinary_number_from_then_on() -> None:
    body = """
PR_GET_SECUREBITS = 27
privileges.drop_capabilities()
print(hex(call("prctl", PR_GET_SECUREBITS, 0, 0, 0, 0)))
"""

    assert said(run_child(body, drop=False)) == ["0xef"]


@pytest.mark.skipif(not may_change_bounding_set(), reason="only who holds capabilities can make them ambient")
def test_ambient_capabilities_are_gone_too() -> None:
    body = """
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETPCAP = 47, 2, 8
held = (1 << CAP_SETPCAP).to_bytes(4, "little") * 3 + bytes(12)
call("capset", privileges._this_process(), held)
call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETPCAP, 0, 0)
print(status("CapAmb"))
privileges.drop_capabilities()
print(status("CapAmb", "CapInh"))
"""

    assert said(run_child(body, drop=False)) == [f"{SETPCAP:016x}", NOTHING, NOTHING]


@pytest.mark.skipif(os.getuid() != 0, reason="only root is let into what its mode closes")
def test_root_without_capabilities_obeys_modes(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.write_text("secret")
    closed.chmod(0)
    body = f"""
print(attempt(open, {str(closed)!r}))
privileges.drop_capabilities()
print(attempt(open, {str(closed)!r}))
"""

    assert said(run_child(body, drop=False)) == ["ok", "EACCES"]


def test_no_new_privileges_is_set_for_good(child: Child) -> None:
    body = """
print(status("NoNewPrivs"))
privileges.no_new_privileges()
print(status("NoNewPrivs"), attempt(call, "prctl", privileges.PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), status("NoNewPrivs"))
"""

    assert said(child(body)) in (["0", "1", "EINVAL", "1"], ["1", "1", "EINVAL", "1"])


def test_a_child_dies_with_its_parent_and_dropping_capabilities_changes_nothing(child: Child) -> None:
    """The child holds the writing end of a pipe: the reader sees its end only when the child is gone."""
    body = """
reader, writer = os.pipe()
middle = os.fork()
if middle == 0:
    parent = os.getpid()
    if os.fork() == 0:
        privileges.die_with_parent(parent)
        privileges.drop_capabilities()
        privileges.no_new_privileges()
        os.close(reader)
        os.write(writer, b"alive ")
        os.read(os.pipe()[0], 1)
    os.read(os.pipe()[0], 1)
os.close(writer)
print(os.read(reader, 6).decode(), flush=True)
os.kill(middle, 9)
os.waitpid(middle, 0)
print("gone" if os.read(reader, 1) == b"" else "alive")
"""

    assert said(child(body)) == ["alive", "gone"]


def test_a_child_whose_parent_is_already_gone_does_not_begin(child: Child) -> None:
    finished = child("privileges.die_with_parent(os.getppid() + 1)\nprint('began')")

    assert (finished.stdout, finished.returncode) == ("", privileges.KILLED)


def test_orphans_come_to_whoever_adopts_them(child: Child) -> None:
    body = """
privileges.adopt_orphans()
reader, writer = os.pipe()
middle = os.fork()
if middle == 0:
    if os.fork() == 0:
        os.setsid()
        os.read(reader, 1)
        os._exit(7)
    os._exit(0)
os.waitpid(middle, 0)
os.write(writer, b"x")
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""

    assert said(child(body)) == ["7"]


def test_a_refusal_of_the_kernel_says_which_call_and_why() -> None:
    body = "try: call('prctl', 987654, 0, 0, 0, 0)\nexcept OSError as error: print(error)"

    assert run_child(body, drop=False).stdout.strip() == "[Errno 22] prctl: Invalid argument"
