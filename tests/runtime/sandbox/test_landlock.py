"""What a process can still reach once it has restricted itself, tried from inside and judged from outside."""

from __future__ import annotations

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
from workbench.runtime.sandbox.warden import landlock

REPOSITORY = str(Path(landlock.__file__).resolve().parents[4])

ABI = landlock.abi() if sys.platform == "linux" else 0
Restricted = Callable[..., list[str]]

needs_landlock = pytest.mark.skipif(not ABI, reason="this kernel has no Landlock")


def since(version: int) -> pytest.MarkDecorator:
    return pytest.mark.skipif(version > ABI, reason=f"Landlock here is version {ABI}, this needs {version}")


# Each body runs in a child with the three folders of the playground as its names and the working folder `inside`.
PRELUDE = """
import ctypes, errno, os, socket, sys
sys.path.insert(0, {repository!r})
from workbench.runtime.sandbox.warden import landlock, privileges

def attempt(function, *arguments, **options):
    try:
        result = function(*arguments, **options)
    except OSError as error:
        return errno.errorcode[error.errno]
    return result if isinstance(result, str) else "ok"

def content(path):
    with open(path) as file:
        return file.read()

def overwrite(path):
    with open(path, "w") as file:
        file.write("harm")

if {drop}:
    os.setgroups([])
    os.setresgid({nobody}, {nobody}, {nobody})
    os.setresuid({nobody}, {nobody}, {nobody})
inside, outside, readable = {inside!r}, {outside!r}, {readable!r}
system = ["/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/no/such/library"]
os.chdir(inside)
"""


class Playground:
    """Three folders whose modes let anybody read and write, so that only Landlock can be what refuses."""

    def __init__(self, root: Path) -> None:
        self.inside, self.outside, self.readable = (root / name for name in ("inside", "outside", "readable"))
        for folder in (self.inside, self.outside, self.readable):
            folder.mkdir()
            folder.chmod(0o777)
        for file in (self.secret, self.readable / "text"):
            file.write_text(file.name)
            file.chmod(0o666)
        (self.inside / "link").symlink_to(self.secret)
        (self.inside / "folder").symlink_to(self.outside)

    @property
    def secret(self) -> Path:
        return self.outside / "secret"

    def is_unharmed(self) -> bool:
        return sorted(os.listdir(self.outside)) == ["secret"] and self.secret.read_text() == "secret"


@pytest.fixture
def playground() -> Iterator[Playground]:
    root = Path(tempfile.mkdtemp(prefix="workbench-landlock-"))  # pytest's own are closed to others when root runs them
    root.chmod(0o755)
    yield Playground(root)
    shutil.rmtree(root)


@pytest.fixture(params=USERS)
def restricted(request: pytest.FixtureRequest, playground: Playground) -> Restricted:
    drop = must_drop(request.param)
    prelude = PRELUDE.format(
        repository=REPOSITORY,
        drop=drop,
        nobody=NOBODY,
        inside=str(playground.inside),
        outside=str(playground.outside),
        readable=str(playground.readable),
    )

    def run(
        body: str,
        *,
        read: str = "[*system, readable]",
        write: str = "[inside, '/dev/null']",
        also: str = "",
        before: str = "",
    ) -> list[str]:
        source = f"{prelude}\n{before}\nlandlock.restrict(read={read}, write={write}, {also})\n{body}"
        finished = isolated(source, drop=drop)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout.split()

    return run


@needs_landlock
def test_what_is_listed_works(restricted: Restricted, playground: Playground) -> None:
    body = """
overwrite("new")
os.rename("new", "renamed")
os.mkdir("below")
os.rename("renamed", "below/moved") if landlock.abi() >= 2 else os.rename("renamed", "moved")
os.symlink("anything", "symlink")
os.mkfifo("fifo")
overwrite("gone")
os.truncate("gone", 0)
os.unlink("gone")
print(content(readable + "/text"), *os.listdir(readable))
overwrite("/dev/null")
print(content("/dev/null") == "", flush=True)
os.execv("/bin/echo", ["echo", "exec"])
"""

    assert restricted(body) == ["text", "text", "True", "exec"]
    assert {"below", "fifo", "symlink"} <= set(os.listdir(playground.inside))


@needs_landlock
def test_nothing_else_is_read(restricted: Restricted) -> None:
    body = """
for path in (outside + "/secret", "../outside/secret", "link", "folder/secret", readable + "/../outside/secret"):
    print(attempt(content, path))
print(attempt(os.listdir, outside), attempt(os.listdir, "/"), attempt(content, "/etc/passwd"))
print(attempt(content, "/proc/self/environ"), attempt(content, f"/proc/{os.getppid()}/environ"))
print(attempt(content, f"/proc/self/root{outside}/secret"))
"""

    assert restricted(body) == ["EACCES"] * 11


@needs_landlock
def test_nothing_else_is_written(restricted: Restricted, playground: Playground) -> None:
    body = """
secret = outside + "/secret"
for path in (secret, "link", "folder/secret", "folder/new", readable + "/text", readable + "/new"):
    print(attempt(overwrite, path))
print(attempt(os.unlink, secret), attempt(os.mkdir, outside + "/new"), attempt(os.rmdir, outside))
print(attempt(os.mkfifo, "folder/new"), attempt(os.symlink, "x", "folder/new"))
"""

    assert restricted(body) == ["EACCES"] * 11
    assert playground.is_unharmed()
    assert os.listdir(playground.readable) == ["text"]


@needs_landlock
@since(3)
def test_what_cannot_be_written_cannot_be_cut_short(restricted: Restricted, playground: Playground) -> None:
    assert restricted("print(attempt(os.truncate, 'link', 0), attempt(os.truncate, readable + '/text', 0))") == [
        "EACCES",
        "EACCES",
    ]
    assert playground.is_unharmed()


@needs_landlock
def test_nothing_is_moved_or_linked_over_the_border(restricted: Restricted, playground: Playground) -> None:
    body = """
overwrite("mine")
os.mkdir("mine too")
for old, new in (("mine", outside + "/new"), ("mine too", outside + "/new"), (outside + "/secret", "secret")):
    print(attempt(os.rename, old, new) in ("EACCES", "EXDEV"))
    print(attempt(os.link, old, new) in ("EACCES", "EXDEV", "EPERM"))
print(attempt(os.link, readable + "/text", "text") in ("EACCES", "EXDEV"))
print(attempt(os.rename, inside, outside + "/new") in ("EACCES", "EXDEV"))
"""

    assert restricted(body) == ["True"] * 8
    assert playground.is_unharmed()


@needs_landlock
def test_a_folder_that_was_open_before_is_no_way_out(restricted: Restricted, playground: Playground) -> None:
    body = """
print(attempt(os.open, "secret", os.O_RDONLY, dir_fd=before), attempt(os.open, "n", os.O_CREAT, 0o600, dir_fd=before))
os.fchdir(before)
print(attempt(content, "secret"))
"""

    assert restricted(body, before="before = os.open(outside, os.O_RDONLY)") == ["EACCES"] * 3
    assert playground.is_unharmed()


@needs_landlock
def test_children_and_new_programs_stay_restricted(restricted: Restricted) -> None:
    body = """
if os.fork() == 0:
    print(attempt(content, "link"), flush=True)
    os._exit(0)
os.wait()
os.execv("/bin/sh", ["sh", "-c", "cat link 2>/dev/null || echo refused"])
"""

    assert restricted(body) == ["EACCES", "refused"]


@needs_landlock
def test_a_second_ruleset_cannot_loosen_the_first(restricted: Restricted) -> None:
    body = "landlock.restrict(read=[], write=[outside])\nprint(attempt(overwrite, outside + '/new'))"

    assert restricted(body, read="[*system, outside]") == ["EACCES"]


@needs_landlock
def test_a_folder_to_list_is_listed_but_not_read(restricted: Restricted) -> None:
    body = """
print(*os.listdir(outside), attempt(content, outside + "/secret"), attempt(overwrite, outside + "/new"))
print(attempt(os.execv, outside + "/secret", ["secret"]))
"""

    assert restricted(body, also="list_only=[outside, '/no/such/folder']") == ["secret"] + ["EACCES"] * 3


@needs_landlock
def test_a_single_file_can_be_allowed(restricted: Restricted, playground: Playground) -> None:
    (playground.outside / "other").write_text("other")
    body = """
print(content(outside + "/secret"), attempt(content, outside + "/other"), attempt(overwrite, outside + "/secret"))
overwrite(readable + "/text")
print(attempt(os.unlink, readable + "/text"))
"""

    said = restricted(body, read="[*system, outside + '/secret']", write="[readable + '/text']")

    assert said == ["secret", "EACCES", "EACCES", "EACCES"]
    assert (playground.readable / "text").read_text() == "harm"


@needs_landlock
def test_a_descriptor_stands_for_what_was_opened_whatever_the_path_becomes(
    restricted: Restricted, playground: Playground
) -> None:
    before = """
opened = os.open(inside, os.O_PATH | os.O_NOFOLLOW)
os.mkdir(inside + "/chosen")
chosen = os.open("chosen", os.O_PATH | os.O_NOFOLLOW)
os.rename("chosen", "moved")
os.symlink(outside, "chosen")
"""
    body = """
overwrite("moved/new")
print(attempt(overwrite, "chosen/new"), attempt(overwrite, "new"))
os.fstat(chosen)
"""

    assert restricted(body, before=before, write="[chosen]") == ["EACCES"] * 2
    assert playground.is_unharmed()
    assert (playground.inside / "moved" / "new").read_text() == "harm"


@needs_landlock
@pytest.mark.parametrize(
    ("listed", "error"),
    [
        ("read=[], write=['/no/such/folder']", "ENOENT /no/such/folder"),
        ("read=[], write=['a\\0b']", "EINVAL a\0b"),
        ("read=['a\\0b'], write=[]", "EINVAL a\0b"),
        ("read=[], write=['']", "ENOENT "),
        ("read=[], write=[4000]", "EBADF None"),
        ("read=[], write=[], list_only=[readable + '/text']", "ENOTDIR {readable}/text"),
    ],
)
def test_what_cannot_be_allowed_is_an_error_and_restricts_nothing(
    restricted: Restricted, playground: Playground, listed: str, error: str
) -> None:
    before = f"""
try:
    landlock.restrict({listed})
except OSError as problem:
    print(errno.errorcode[problem.errno], problem.filename)
print(content(outside + "/secret"))
"""

    said = restricted("", before=before)

    assert " ".join(said) == " ".join([*error.format(readable=playground.readable).split(" "), "secret"]).replace(
        "  ", " "
    )


@needs_landlock
@since(4)
def test_tcp_is_closed_but_to_the_ports_that_are_listed(restricted: Restricted) -> None:
    body = """
print(attempt(socket.socket().connect, ("127.0.0.1", {closed})), attempt(socket.socket().bind, ("127.0.0.1", 0)))
print(attempt(socket.socket().connect, ("127.0.0.1", {opened})))
"""
    with socket.create_server(("127.0.0.1", 0)) as closed, socket.create_server(("127.0.0.1", 0)) as opened:
        closed.setblocking(False)
        port = opened.getsockname()[1]

        said = restricted(body.format(closed=closed.getsockname()[1], opened=port), also=f"connect=[{port}]")

        assert said == ["EACCES", "EACCES", "ok"]
        with pytest.raises(BlockingIOError):
            closed.accept()


@needs_landlock
@since(6)
def test_processes_and_abstract_sockets_outside_are_out_of_reach(restricted: Restricted) -> None:
    anybody = NOBODY if os.getuid() == 0 else None
    with (
        subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, user=anybody) as victim,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        listener.bind(f"\0workbench-landlock-{os.getpid()}")
        listener.listen()
        body = f"""
name = "\\0workbench-landlock-{os.getpid()}"
print(attempt(os.kill, {victim.pid}, 15), attempt(os.kill, os.getppid(), 0))
print(attempt(socket.socket(socket.AF_UNIX).connect, name))
child = os.fork() or os.read(os.pipe()[0], 1)
os.kill(child, 9)
print(os.waitpid(child, 0)[1])
"""
        said = restricted(body)
        victim.communicate()

    assert said == ["EPERM", "EPERM", "EPERM", "9"]
    assert victim.returncode == 0


@needs_landlock
def test_no_new_privileges_are_part_of_it(restricted: Restricted) -> None:
    body = "print(*[line.split()[1] for line in content('/proc/self/status').splitlines() if 'NoNewPrivs' in line])"

    assert restricted(body, read="[*system, '/proc']") == ["1"]


@needs_landlock
def test_no_descriptor_is_left_open(restricted: Restricted) -> None:
    before = "count = lambda: len(os.listdir('/proc/self/fd'))\nearlier = count()"

    assert restricted("print(count() - earlier)", before=before, read="[*system, '/proc']") == ["0"]


@needs_landlock
@pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="no filter for this machine")
def test_a_kernel_without_landlock_is_said_so_and_never_passed_over(restricted: Restricted) -> None:
    before = """
from workbench.runtime.sandbox.warden import seccomp
privileges.no_new_privileges()
without = seccomp.Assembler()
without.load(0)
without.if_equal(444, "none")
without.give(seccomp.ALLOW)
without.place("none")
without.refuse(errno.ENOSYS)
if os.fork() == 0:
    seccomp.install(without.assembled())
    print(landlock.abi(), attempt(landlock.restrict, read=["/"], write=["/"]), flush=True)
    os._exit(0)
os.wait()
"""

    assert restricted("", before=before) == ["0", "ENOSYS"]


@pytest.mark.parametrize(
    ("version", "bits", "size"),
    [(1, 13, 8), (2, 14, 8), (3, 15, 8), (4, 15, 16), (5, 16, 16), (6, 16, 24), (9, 17, 24)],
)
def test_each_version_is_asked_for_what_it_knows_and_no_more(version: int, bits: int, size: int) -> None:
    assert landlock.handled_rights(version) == (1 << bits) - 1
    assert len(landlock._ruleset(version)) == size


def test_device_files_are_never_made_nor_controlled() -> None:
    never = landlock.MAKE_CHAR | landlock.MAKE_BLOCK | landlock.IOCTL_DEV

    assert (landlock.READ | landlock.WRITE) & never == 0
