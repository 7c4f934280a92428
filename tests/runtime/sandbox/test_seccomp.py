"""The filter for real: each body runs in a child that is already behind it."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.runtime.sandbox.users import NOBODY, USERS, isolated, must_drop
from workbench.runtime.sandbox.warden import seccomp
from workbench.runtime.sandbox.warden.syscalls import MACHINES

REPOSITORY = str(Path(seccomp.__file__).resolve().parents[4])
KILLED_BY_FILTER = -31  # SIGSYS

Behind = Callable[..., "subprocess.CompletedProcess[str]"]

on_this_machine = pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine not in MACHINES, reason="no filter for this machine"
)


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


@pytest.fixture
def folder() -> Iterator[str]:
    """A folder that an ordinary user can write to as well, which pytest's own are not when root runs the tests."""
    made = tempfile.mkdtemp(prefix="workbench-seccomp-")
    os.chmod(made, 0o777)
    yield made
    shutil.rmtree(made)


@pytest.fixture(params=USERS)
def behind(request: pytest.FixtureRequest, folder: str) -> Behind:
    drop = must_drop(request.param)
    prelude = PRELUDE.format(repository=REPOSITORY, drop=drop, nobody=NOBODY, folder=folder)

    def run(body: str, *, allow_network: bool = False, allow_spawn: bool = True) -> subprocess.CompletedProcess[str]:
        chosen = f"allow_network={allow_network}, allow_spawn={allow_spawn}"
        source = f"{prelude}\nseccomp.install(seccomp.program({chosen}))\n{body}"
        return isolated(source, drop=drop)

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
def test_a_socket_pair_leads_nowhere(behind: Behind, folder: str, allow_network: bool) -> None:
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

        with pytest.raises(BlockingIOError):
            datagrams.recv(16)
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
