"""The filter, walked rule by rule for both machines, and then for real on this one."""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from workbench.runtime.sandbox.warden import seccomp
from workbench.runtime.sandbox.warden.syscalls import MACHINES, NEWEST, NUMBERS, number_of

REPOSITORY = str(Path(seccomp.__file__).resolve().parents[4])
SYSTEM_PYTHON = "/usr/bin/python3"
NOBODY = 65534
KILLED_BY_FILTER = -31  # SIGSYS

Behind = Callable[..., "subprocess.CompletedProcess[str]"]

on_this_machine = pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine not in MACHINES, reason="no filter for this machine"
)


# A walk through the program, as the kernel would take it.


def walk(program: bytes, data: bytes) -> int:
    accumulator, position = 0, 0
    while True:
        instruction = program[8 * position : 8 * position + 8]
        operation = int.from_bytes(instruction[:2], "little")
        if_true, if_false = instruction[2], instruction[3]
        value = int.from_bytes(instruction[4:], "little")
        position += 1
        match operation:
            case 0x20:
                accumulator = int.from_bytes(data[value : value + 4], "little")
            case 0x54:
                accumulator &= value
            case 0x05:
                position += value
            case 0x15:
                position += if_true if accumulator == value else if_false
            case 0x25:
                position += if_true if accumulator > value else if_false
            case 0x45:
                position += if_true if accumulator & value else if_false
            case 0x06:
                return value
            case _:
                raise AssertionError(f"unknown operation {operation:#x}")


def verdict(
    machine: str,
    call: str | int,
    *arguments: int,
    allow_network: bool = False,
    allow_spawn: bool = True,
    architecture: int | None = None,
) -> str:
    program = seccomp.program(allow_network=allow_network, allow_spawn=allow_spawn, machine=machine)
    number = number_of(call, machine) if isinstance(call, str) else call
    assert number is not None, f"{machine} has no {call}"
    data = number.to_bytes(4, "little")
    data += (architecture or seccomp.AUDIT_ARCHITECTURE[machine]).to_bytes(4, "little") + bytes(8)
    data += b"".join((argument % 2**64).to_bytes(8, "little") for argument in (*arguments, *[0] * 6)[:6])
    action = walk(program, data)
    if action & 0xFFFF0000 == seccomp.ERROR:
        return errno.errorcode[action & 0xFFFF]
    return {seccomp.ALLOW: "allowed", seccomp.KILL_PROCESS: "killed"}[action]


on_both_machines = pytest.mark.parametrize("machine", MACHINES)


def calls_of(machine: str, *names: str) -> list[str]:
    return [name for name in names if number_of(name, machine) is not None]


@pytest.mark.parametrize("machine", ["riscv64", "i686", "armv7l", "aarch64_be", "32-bit aarch64"])
def test_a_machine_without_a_table_is_unsupported(machine: str) -> None:
    with pytest.raises(seccomp.Unsupported, match=machine):
        seccomp.program(allow_network=False, allow_spawn=False, machine=machine)


@on_both_machines
def test_the_same_question_gives_the_same_bytes_and_another_one_others(machine: str) -> None:
    def build(network: bool, spawn: bool) -> bytes:
        return seccomp.program(allow_network=network, allow_spawn=spawn, machine=machine)

    assert build(False, True) == build(False, True)
    assert len({build(network, spawn) for network in (False, True) for spawn in (False, True)}) == 4


@on_both_machines
def test_another_architecture_on_the_same_machine_is_killed(machine: str) -> None:
    i386, arm = 0x40000003, 0x40000028

    assert verdict(machine, 20, architecture=i386) == "killed"
    assert verdict(machine, 20, architecture=arm) == "killed"


@on_both_machines
@pytest.mark.parametrize("number", [NEWEST + 1, 512, 547, 0x40000000, 0x40000029, 0xFFFFFFFF])
def test_calls_newer_than_the_table_and_x32_are_not_there(machine: str, number: int) -> None:
    assert verdict(machine, number, allow_network=True) == "ENOSYS"


@on_both_machines
def test_calls_that_hide_their_flags_are_not_there(machine: str) -> None:
    assert {verdict(machine, name) for name in seccomp.UNKNOWN} == {"ENOSYS"}


@on_both_machines
@pytest.mark.parametrize("allow_network", [False, True])
@pytest.mark.parametrize("allow_spawn", [False, True])
def test_dangerous_calls_are_refused_whatever_is_allowed(machine: str, allow_network: bool, allow_spawn: bool) -> None:
    groups = (
        seccomp.OTHER_PROCESSES
        + seccomp.NAMESPACES_AND_MOUNTS
        + seccomp.SHARED_WITH_OTHERS
        + seccomp.UNSEEN_MEMORY
        + seccomp.KERNEL_SURFACE
        + seccomp.THE_MACHINE
    )

    for name in calls_of(machine, *groups):
        assert verdict(machine, name, allow_network=allow_network, allow_spawn=allow_spawn) == "EPERM", name


@on_both_machines
def test_attributes_of_files_look_unsupported(machine: str) -> None:
    assert {verdict(machine, name) for name in seccomp.ATTRIBUTES} == {errno.errorcode[errno.EOPNOTSUPP]}


@on_both_machines
def test_every_call_of_the_table_is_judged_somewhere(machine: str) -> None:
    by_argument = {"ioctl", "clone", "socketpair", "prlimit64", "setpriority"}
    by_argument |= {*seccomp.MODE_ARGUMENT, *seccomp.OPEN_ARGUMENTS}
    with_spawn = {"fork", "vfork"}

    for name in set(calls_of(machine, *NUMBERS)) - by_argument - with_spawn:
        assert verdict(machine, name) != "allowed", name


@on_both_machines
def test_only_the_calls_of_the_table_can_be_refused(machine: str) -> None:
    known = {number_of(name, machine) for name in NUMBERS}

    refused = [number for number in range(NEWEST + 1) if number not in known and verdict(machine, number) != "allowed"]

    assert refused == []


@on_both_machines
def test_no_family_of_sockets_is_left_when_the_network_is_closed(machine: str) -> None:
    assert {verdict(machine, "socket", family, 1) for family in range(64)} == {"EACCES"}
    assert {verdict(machine, "socket", family + 2**32, 1) for family in range(64)} == {"EACCES"}


@on_both_machines
def test_an_open_network_means_tcp_udp_local_sockets_and_name_lookup_only(machine: str) -> None:
    def asked(family: int, kind: int, protocol: int = 0) -> str:
        return verdict(machine, "socket", family, kind | 0x80800, protocol, allow_network=True)

    for family in (2, 10):
        assert {asked(family, 1), asked(family, 2), asked(family, 1, 6), asked(family, 2, 17)} == {"allowed"}
        assert {asked(family, 3), asked(family, 3, 255), asked(family, 5), asked(family, 6), asked(family, 10)} == {
            "EPERM"
        }
        assert {asked(family, 1, 132), asked(family, 1, 262), asked(family, 2, 1)} == {"EPROTONOSUPPORT"}
    assert {asked(1, 1), asked(1, 2), asked(16, 3, 0)} == {"allowed"}
    assert {asked(16, 3, protocol) for protocol in range(1, 23)} == {"EPROTONOSUPPORT"}
    assert {asked(family, 1) for family in set(range(46)) - {1, 2, 10, 16}} == {"EAFNOSUPPORT"}


@on_both_machines
def test_a_socket_pair_cannot_be_pointed_elsewhere_when_the_network_is_closed(machine: str) -> None:
    stream, datagram, raw, sequenced = 1, 2, 3, 5

    assert verdict(machine, "socketpair", 1, stream | 0x80800) == "allowed"
    assert verdict(machine, "socketpair", 1, sequenced) == "allowed"
    assert verdict(machine, "socketpair", 1, datagram | 0x80000) == "EACCES"
    assert verdict(machine, "socketpair", 1, raw) == "EACCES"  # the kernel makes a datagram socket of it
    assert verdict(machine, "socketpair", 1, datagram, allow_network=True) == "allowed"
    assert verdict(machine, "socketpair", 30, stream, allow_network=True) == "EACCES"


@on_both_machines
@pytest.mark.parametrize("control", [0x5412, 0x541C, 0x5423])
def test_typing_into_a_terminal_is_refused_also_behind_high_bits(machine: str, control: int) -> None:
    assert verdict(machine, "ioctl", 0, control) == "EPERM"
    assert verdict(machine, "ioctl", 0, control + 2**32) == "EPERM"
    assert verdict(machine, "ioctl", 0, control + 1) == "allowed"


@on_both_machines
@pytest.mark.parametrize("bits", [0o4000, 0o2000, 0o6755])
def test_set_id_bits_are_refused_and_plain_modes_are_not(machine: str, bits: int) -> None:
    for name in calls_of(machine, *seccomp.MODE_ARGUMENT):
        before = [0] * seccomp.MODE_ARGUMENT[name]
        assert verdict(machine, name, *before, bits) == "EPERM", name
        assert verdict(machine, name, *before, bits + 2**40) == "EPERM", name
        assert verdict(machine, name, *before, 0o1777) == "allowed", name
    for name in calls_of(machine, *seccomp.OPEN_ARGUMENTS):
        before = [0] * seccomp.OPEN_ARGUMENTS[name][0]
        assert verdict(machine, name, *before, os.O_CREAT, bits) == "EPERM", name
        assert verdict(machine, name, *before, 0o20200000, bits) == "EPERM", name
        assert verdict(machine, name, *before, os.O_CREAT, 0o644) == "allowed", name
        assert verdict(machine, name, *before, os.O_RDWR, bits) == "allowed", f"{name}: no mode without O_CREAT"


THREAD = 0x003D0F00
NAMESPACES = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]


@on_both_machines
@pytest.mark.parametrize("allow_spawn", [False, True])
def test_no_process_gets_a_new_namespace_or_another_parent(machine: str, allow_spawn: bool) -> None:
    for flag in (*NAMESPACES, 0x00008000):
        assert verdict(machine, "clone", flag | 17, allow_spawn=allow_spawn) == "EPERM"
        assert verdict(machine, "clone", flag | THREAD, allow_spawn=allow_spawn) == "EPERM"


@on_both_machines
def test_threads_start_always_and_processes_only_where_allowed(machine: str) -> None:
    assert verdict(machine, "clone", THREAD, allow_spawn=False) == "allowed"
    for name in calls_of(machine, "fork", "vfork", "clone"):
        assert verdict(machine, name, 17, allow_spawn=False) == "EPERM"
        assert verdict(machine, name, 17, allow_spawn=True) == "allowed"


@on_both_machines
def test_limits_and_priorities_of_other_processes_are_out_of_reach(machine: str) -> None:
    assert verdict(machine, "prlimit64", 0, 7) == "allowed"
    assert verdict(machine, "prlimit64", 4121, 7) == "EPERM"
    assert verdict(machine, "setpriority", 0, 0, 19) == "allowed"
    assert verdict(machine, "setpriority", 0, 4121, 19) == "EPERM"
    assert verdict(machine, "setpriority", 2, 0, 19) == "EPERM"


@pytest.mark.parametrize(
    ("machine", "header"),
    [("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), ("aarch64", "/usr/include/asm-generic/unistd.h")],
)
def test_the_numbers_are_those_of_the_kernels_headers(machine: str, header: str) -> None:
    if not os.path.exists(header):
        pytest.skip(f"no {header}")
    theirs = {
        name: int(number)
        for name, number in re.findall(r"#define\s+__NR(?:3264)?_(\w+)\s+(\d+)\b", Path(header).read_text())
    }

    ours = {name: number_of(name, machine) for name in calls_of(machine, *NUMBERS)}

    assert len(ours.keys() & theirs.keys()) > 80
    assert {name: number for name, number in ours.items() if theirs.get(name, number) != number} == {}
    assert {name for name in theirs.keys() & NUMBERS.keys() if name not in ours} == set()


# The same for real: each body runs in a child that is already behind the filter.

PRELUDE = """
import ctypes, errno, os, sys
sys.path.insert(0, {repository!r})
from workbench.runtime.sandbox.warden import seccomp
from workbench.runtime.sandbox.warden.syscalls import number_of

def attempt(function, *arguments, **options):
    try:
        function(*arguments, **options)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "ok"

def raw(call, *arguments):
    number = number_of(call, os.uname().machine) if isinstance(call, str) else call
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    values = [a if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments]
    if library.syscall(ctypes.c_long(number), *values) == -1:
        raise OSError(ctypes.get_errno(), call)

if {drop}:
    os.setgroups([])
    os.setresgid({nobody}, {nobody}, {nobody})
    os.setresuid({nobody}, {nobody}, {nobody})
os.chdir({folder!r})
"""


def system_python_is_recent() -> bool:
    if not os.path.exists(SYSTEM_PYTHON):
        return False
    question = "import sys; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([SYSTEM_PYTHON, "-I", "-S", "-c", question], check=False).returncode == 0


@pytest.fixture
def folder() -> Iterator[str]:
    """A folder that an ordinary user can write to as well, which pytest's own are not when root runs the tests."""
    made = tempfile.mkdtemp(prefix="workbench-seccomp-")
    os.chmod(made, 0o777)
    yield made
    shutil.rmtree(made)


@pytest.fixture(params=["as we are", "as an ordinary user"])
def behind(request: pytest.FixtureRequest, folder: str) -> Behind:
    drop = request.param == "as an ordinary user"
    if drop and os.getuid() != 0:
        pytest.skip("this is an ordinary user already")
    if drop and not system_python_is_recent():
        pytest.skip(f"{SYSTEM_PYTHON} is missing or older than 3.11")
    prelude = PRELUDE.format(repository=REPOSITORY, drop=drop, nobody=NOBODY, folder=folder)

    def run(body: str, *, allow_network: bool = False, allow_spawn: bool = True) -> subprocess.CompletedProcess[str]:
        chosen = f"allow_network={allow_network}, allow_spawn={allow_spawn}"
        source = f"{prelude}\nseccomp.install(seccomp.program({chosen}))\n{body}"
        python = SYSTEM_PYTHON if drop else sys.executable
        return subprocess.run(
            [python, "-I", "-S", "-c", source],
            capture_output=True,
            check=False,
            text=True,
            timeout=25,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        )

    return run


def said(finished: subprocess.CompletedProcess[str]) -> list[str]:
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.split()


@on_this_machine
def test_a_socket_is_refused_when_the_network_is_closed(behind: Behind) -> None:
    body = "import socket\nfor family in (1, 2, 10, 16, 17, 38, 40): print(attempt(socket.socket, family, 1))"

    assert set(said(behind(body))) == {"EACCES"}


@on_this_machine
def test_sockets_and_name_lookup_work_when_the_network_is_open(behind: Behind) -> None:
    body = """
import socket
print(attempt(socket.create_server, ("127.0.0.1", 0)), attempt(socket.getaddrinfo, "localhost", 80))
print(attempt(socket.if_nameindex), attempt(socket.socket, socket.AF_PACKET, socket.SOCK_RAW))
print(attempt(socket.socket, socket.AF_INET, socket.SOCK_RAW, 1), attempt(socket.socket, socket.AF_ALG, 5))
"""

    assert said(behind(body, allow_network=True)) == ["ok", "ok", "ok", "EAFNOSUPPORT", "EPERM", "EAFNOSUPPORT"]


@on_this_machine
@pytest.mark.parametrize("allow_network", [False, True])
def test_a_socket_pair_leads_out_only_of_an_open_network(behind: Behind, folder: str, allow_network: bool) -> None:
    body = """
import socket
def send(kind):
    socket.socketpair(socket.AF_UNIX, kind)[0].sendto(b"leak", "datagrams")
def reconnect(kind, listener):
    one, other = socket.socketpair(socket.AF_UNIX, kind)
    other.close()
    one.connect(listener)
for kind in (1, 2, 3, 5):
    attempt(send, kind), attempt(reconnect, kind, "datagrams"), attempt(reconnect, kind, "streams")
"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams, socket.socket(socket.AF_UNIX) as streams:
        for listener, name in ((datagrams, f"{folder}/datagrams"), (streams, f"{folder}/streams")):
            listener.bind(name)
            os.chmod(name, 0o777)
            listener.setblocking(False)
        streams.listen()

        said(behind(body, allow_network=allow_network))

        with nullcontext() if allow_network else pytest.raises(BlockingIOError):
            assert datagrams.recv(16) == b"leak"
        with pytest.raises(BlockingIOError):
            streams.accept()


@on_this_machine
def test_nothing_is_typed_into_a_terminal(behind: Behind) -> None:
    body = """
import pty
os.setsid()
shown, typed = pty.openpty()
print(attempt(raw, "ioctl", typed, 0x5412, b"x"), attempt(raw, "ioctl", typed, 0x5412 + 2**32, b"x"))
print(attempt(raw, "ioctl", typed, 0x541C, b"x"), attempt(raw, "ioctl", typed, 0x5423, b"x"))
"""

    assert said(behind(body)) == ["EPERM"] * 4


@on_this_machine
def test_a_set_id_bit_cannot_be_planted(behind: Behind, folder: str) -> None:
    body = """
open("plain", "w").close()
plain = os.open("plain", os.O_RDWR)
create, temporary = os.O_CREAT | os.O_RDWR, os.O_TMPFILE | os.O_RDWR
print(attempt(os.chmod, "plain", 0o4755), attempt(os.chmod, "plain", 0o2755), attempt(os.fchmod, plain, 0o6755))
print(attempt(os.chmod, "plain", 0o4755, dir_fd=os.open(".", 0)), attempt(raw, "fchmodat2", -100, b"plain", 0o4755, 0))
print(attempt(os.open, "new", create, 0o4755), attempt(os.open, ".", temporary, 0o4755))
print(attempt(os.mknod, "node", 0o104755), attempt(raw, "openat", -100, b"wide", create, 0o4755 + 2**32))
how = create.to_bytes(8, "little") + (0o4755).to_bytes(8, "little") + bytes(8)
print(attempt(raw, "openat2", -100, b"how", how, len(how)), attempt(os.chmod, "plain", 0o755))
os.umask(0)
os.mkdir("inner", 0o2777)
"""

    assert said(behind(body)) == ["EPERM"] * 9 + ["ENOSYS", "ok"]
    assert [name for name in os.listdir(folder) if os.stat(f"{folder}/{name}").st_mode & 0o6000] == []


@on_this_machine
def test_calls_that_reach_into_the_kernel_or_other_processes_are_refused(behind: Behind) -> None:
    body = """
parent = os.getppid()
print(attempt(raw, "unshare", 0x10000000), attempt(raw, "clone", 0x10000000 | 17, 0, 0, 0, 0))
print(attempt(raw, "clone", 0x8000 | 17, 0, 0, 0, 0), attempt(raw, "io_uring_setup", 8, bytes(120)))
print(attempt(raw, "memfd_create", b"x", 0), attempt(raw, "keyctl", 0, -3, 0), attempt(raw, "bpf", 0, bytes(128), 128))
print(attempt(raw, "userfaultfd", 1), attempt(raw, "perf_event_open", bytes(128), 0, -1, -1, 0))
print(attempt(raw, "ptrace", 0, 0, 0, 0), attempt(raw, "process_vm_readv", parent, bytes(16), 1, bytes(16), 1, 0))
print(attempt(raw, "pidfd_getfd", 0, 0, 0), attempt(raw, "shmat", 0, 0, 0), attempt(raw, "msgctl", 0, 2, 0))
print(attempt(raw, "mq_open", b"queue", 0o102, 0o600, 0), attempt(raw, "personality", 0x0040000))
print(attempt(raw, "open_by_handle_at", -100, bytes(64), 0), attempt(raw, "mount", b"x", b".", b"tmpfs", 0, 0))
print(attempt(raw, "prlimit64", parent, 0, bytes(16), 0), attempt(raw, "setpriority", 2, 0, 19))
"""

    assert said(behind(body)) == ["EPERM"] * 20


@on_this_machine
def test_calls_that_cannot_be_filtered_seem_not_to_exist(behind: Behind) -> None:
    body = """
print(attempt(raw, "clone3", bytes(88), 88), attempt(raw, 470, 0), attempt(raw, 512, 0))
print(attempt(raw, 0x40000000 | 39), attempt(raw, 0x40000000 | 41, 2, 1, 0))
"""

    assert said(behind(body, allow_network=True)) == ["ENOSYS"] * 5


@on_this_machine
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="only x86_64 has int 0x80")
def test_the_32_bit_way_into_the_kernel_is_killed(behind: Behind) -> None:
    body = """
import mmap
try:
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except OSError:
    sys.exit("no memory that is writable and executable")
memory.write(b"\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3")  # mov eax, 20 (getpid); int 0x80; ret
print("before", flush=True)
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()
print("after", flush=True)
"""
    finished = behind(body, allow_network=True)
    if "no memory" in finished.stderr:
        pytest.skip("this system gives no memory that is writable and executable")

    assert (finished.stdout.split(), finished.returncode) == (["before"], KILLED_BY_FILTER)


@on_this_machine
def test_the_filter_stays_over_exec_and_children(behind: Behind) -> None:
    question = "import socket\ntry: socket.socket()\nexcept OSError as error: print(type(error).__name__)"
    body = f"""
if os.fork() == 0: os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", {question!r}])
os.wait()
os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", {question!r}])
"""

    assert said(behind(body)) == ["PermissionError"] * 2


@on_this_machine
def test_a_second_filter_cannot_loosen_the_first(behind: Behind) -> None:
    body = """
import socket
seccomp.install((0x06).to_bytes(4, "little") + seccomp.ALLOW.to_bytes(4, "little"))
print(attempt(socket.socket))
"""

    assert said(behind(body)) == ["EACCES"]


@on_this_machine
def test_without_spawn_threads_run_and_processes_do_not(behind: Behind) -> None:
    body = """
import subprocess, threading
answers = []
for _ in range(3):
    thread = threading.Thread(target=answers.append, args=("thread",))
    thread.start()
    thread.join()
print(*answers, attempt(os.fork), attempt(subprocess.run, ["/bin/true"]))
print(attempt(os.posix_spawn, "/bin/true", ["true"], {}), attempt(raw, "clone", 17, 0, 0, 0, 0), flush=True)
os.execv("/bin/echo", ["echo", "exec"])
"""

    assert said(behind(body, allow_spawn=False)) == ["thread"] * 3 + ["EPERM"] * 4 + ["exec"]


@on_this_machine
def test_python_works_with_its_loops_children_and_pools(behind: Behind) -> None:
    body = """
import asyncio, multiprocessing, subprocess, tempfile
async def main():
    child = await asyncio.create_subprocess_exec("/bin/echo", "asyncio", stdout=subprocess.PIPE)
    print((await child.communicate())[0].decode().strip(), await asyncio.to_thread(str, "thread"))
asyncio.run(main())
print(subprocess.run(["/bin/sh", "-c", "echo shell | cat"], capture_output=True, text=True).stdout.strip())
with multiprocessing.get_context("fork").Pool(2) as pool: print(*pool.map(abs, [-1, -2]))
with tempfile.NamedTemporaryFile(dir="."): print("file")
"""

    assert said(behind(body)) == ["asyncio", "thread", "shell", "1", "2", "file"]


@on_this_machine
@pytest.mark.skipif(not os.path.exists("/usr/bin/node"), reason="no /usr/bin/node")
@pytest.mark.parametrize("allow_spawn", [False, True])
def test_node_starts_and_runs_its_threads(behind: Behind, allow_spawn: bool) -> None:
    script = (
        'const {Worker} = require("worker_threads");'
        'new Worker(\'require("worker_threads").parentPort.postMessage("thread")\', {eval: true})'
        '.on("message", console.log);'
        'require("fs").promises.writeFile("note", "x").then(() => console.log("file"));'
    )
    body = f'os.execv("/usr/bin/node", ["node", "-e", {script!r}])'

    assert sorted(said(behind(body, allow_spawn=allow_spawn))) == ["file", "thread"]


def bubblewrap(*arguments: str, pass_fds: tuple[int, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = ["/usr/bin/bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev"]
    return subprocess.run(
        [*command, *arguments], pass_fds=pass_fds, capture_output=True, check=False, text=True, timeout=25
    )


@on_this_machine
@pytest.mark.parametrize("allow_spawn", [False, True])
def test_bubblewrap_takes_the_program(allow_spawn: bool) -> None:
    if not os.path.exists("/usr/bin/bwrap"):
        pytest.skip("no /usr/bin/bwrap")
    if bubblewrap("/bin/true").returncode:
        pytest.skip("bubblewrap cannot start here")
    reader, writer = os.pipe()
    os.write(writer, seccomp.program(allow_network=False, allow_spawn=allow_spawn))
    os.close(writer)
    question = "import socket\ntry: socket.socket()\nexcept OSError as error: print(type(error).__name__)"

    finished = bubblewrap(
        "--seccomp", str(reader), "--", sys.executable, "-I", "-S", "-c", question, pass_fds=(reader,)
    )
    os.close(reader)

    assert said(finished) == ["PermissionError"]


@on_this_machine
def test_a_program_that_the_kernel_does_not_take_is_an_error() -> None:
    source = (
        f"import sys; sys.path.insert(0, {REPOSITORY!r})\n"
        "from workbench.runtime.sandbox.warden import seccomp\n"
        "try: seccomp.install(bytes(8))\n"
        "except OSError as error: print(error.errno)"
    )
    finished = subprocess.run(
        [sys.executable, "-I", "-S", "-c", source], capture_output=True, check=False, text=True, timeout=25
    )

    assert said(finished) == [str(errno.EINVAL)]
