"""Reads {"format": …} on stdin, tries the doors of its sandbox, and writes which were shut and which were open.

It is as harmless without walls: what is opened is closed again unread and unwritten, nothing is sent to anybody, and the
one thing that it asks a name server for is a name that cannot exist.
"""

import ctypes
import glob
import json
import os
import socket
import sys

CLONE_NEWUSER = 0x10000000
HOMES = ["/root", *glob.glob("/home/*"), *glob.glob("/Users/*")]
DOORS = []
WIDTH = 80


class Shut(Exception):
    """There was no way in, and the system has no error for that."""


def door(kind, name):
    """A function that comes back got through; what it returns says how far."""

    def listed(attempt):
        DOORS.append((kind, name, attempt))
        return attempt

    return listed


def open_and_close(path, flags=os.O_RDONLY):
    os.close(os.open(path, flags | os.O_CLOEXEC, 0o600))
    return path


def first_that_opens(paths, flags=os.O_RDONLY):
    """The first of these that opens, or the error of the last."""
    error = Shut("nothing like it is there")
    for path in paths:
        try:
            return open_and_close(path, flags)
        except OSError as found:
            error = found
    raise error


def first_file_in(folders):
    """A file in one of these: a folder that is only on the way to what may be seen has none."""
    error = Shut("there is no file in sight")
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                found = [entry.path for entry in entries if entry.is_file(follow_symlinks=False)]
        except OSError as refused:
            error = refused
            continue
        if found:
            return found[0]
    raise error


def others():
    """The processes that are neither this one nor above it."""
    mine, pid = set(), os.getpid()
    while pid > 0:
        mine.add(pid)
        pid = parent_of(pid)
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if pid not in mine | {1}]


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return int(file.read().rpartition(")")[2].split()[1])


@door("read", "the home folders")
def homes():
    return first_file_in(HOMES)


@door("read", "keys and configuration in them")
def keys():
    names = (".ssh", ".aws", ".gnupg", ".netrc", ".config", ".bashrc", ".profile", ".gitconfig")
    return first_that_opens(f"{home}/{name}" for home in HOMES for name in names)


@door("read", "the system's passwords")
def passwords():
    return open_and_close("/etc/shadow")


@door("read", "files in the folders above it")
def neighbours():
    parts = os.getcwd().split("/")
    return first_file_in("/".join(parts[:length]) for length in range(len(parts) - 1, 1, -1))


@door("read", "the environment of others")
def environments():
    return first_that_opens(f"/proc/{pid}/environ" for pid in others())


@door("read", "a disk")
def disks():
    return first_that_opens([*glob.glob("/dev/[svx]d[a-z]"), *glob.glob("/dev/nvme?n?"), "/dev/mem"])


@door("write", "the home folders")
def write_home():
    return first_that_opens(HOMES, os.O_TMPFILE | os.O_WRONLY)


@door("write", "the system's programs")
def write_system():
    return first_that_opens(["/usr/bin", "/usr/local/bin", "/etc"], os.O_TMPFILE | os.O_WRONLY)


@door("write", "its own code")
def write_itself():
    return open_and_close(__file__, os.O_WRONLY | os.O_APPEND)


@door("write", "the kernel's settings")
def write_settings():
    return open_and_close("/proc/sys/kernel/core_pattern", os.O_WRONLY)


@door("network", "a port of this machine")
def port():
    try:
        socket.create_connection(("127.0.0.1", 9), 1).close()
    except ConnectionRefusedError:
        return "nobody listens there, but the way is free"
    return "somebody answered"


@door("network", "datagrams")
def datagrams():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", 9))
        return "one could be sent"


@door("network", "sockets of other programs")
def unix():
    with socket.socket(socket.AF_UNIX) as peer:
        try:
            peer.connect("/run/nobody-listens-here")
        except FileNotFoundError:
            return "none at that place, but the way is free"
    return "somebody answered"


@door("network", "the name of a host")
def name():
    os.environ["RES_OPTIONS"] = "timeout:1 attempts:1"
    try:
        socket.getaddrinfo("try-the-walls.invalid", 80)
    except socket.gaierror as error:
        if error.errno != socket.EAI_NONAME:
            raise
    return "a name server answered"


@door("processes", "seeing others")
def see():
    seen = others()
    if not seen:
        raise Shut("nobody else is to be seen")
    return f"{len(seen)} of them"


@door("processes", "a signal to another")
def signal():
    for pid in others():
        try:
            os.kill(pid, 0)
        except OSError:
            continue
        return "it would have arrived"
    raise Shut("nobody whom it could reach")


@door("processes", "another program")
def spawn():
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    return "/bin/true ran"


@door("kernel", "more privileges")
def privileges():
    with open("/proc/self/status", encoding="utf-8") as file:
        said = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    if said["NoNewPrivs"] == "1" and not int(said["CapEff"], 16):
        raise Shut("none, and no program gives it any")
    return f"capabilities {said['CapEff']}, NoNewPrivs {said['NoNewPrivs']}"


@door("kernel", "memory that nobody counts")
def memory():
    os.close(os.memfd_create("door"))
    return "a file without a name"


@door("kernel", "a user namespace of its own")
def namespace():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "it is root there"


def tried(kind, name, attempt):
    try:
        return {"kind": kind, "door": name, "state": "open", "why": str(attempt())}
    except OSError as error:
        return {"kind": kind, "door": name, "state": "shut", "why": error.strerror or str(error)}
    except Shut as error:
        return {"kind": kind, "door": name, "state": "shut", "why": str(error)}


def own_folder():
    try:
        open_and_close(os.path.join(os.environ["WORKBENCH_OUT"], "own"), os.O_CREAT | os.O_WRONLY)
        os.unlink(os.path.join(os.environ["WORKBENCH_OUT"], "own"))
    except OSError:
        return False
    return True


def report():
    doors = [tried(*each) for each in DOORS]
    opened = [each["door"] for each in doors if each["state"] == "open"]
    return {
        "tried": len(doors),
        "shut": len(doors) - len(opened),
        "open": opened,
        "own_folder": own_folder(),
        "doors": doors,
    }


def page(said):
    lines = [f"{said['tried']} doors tried from inside: {said['shut']} shut, {len(said['open'])} open"]
    kind = ""
    for each in said["doors"]:
        if each["kind"] != kind:
            kind = each["kind"]
            lines += ["", kind]
        mark = {"shut": "●", "open": "▲"}[each["state"]]
        line = f"  {mark} {each['state'].ljust(4)}  {each['door'].ljust(30)}  {each['why']}"
        lines.append(line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…")
    can = "and what it may" if said["own_folder"] else "and not even what it should"
    return "\n".join([*lines, "", f"{can}: write to the one folder that is its own"])


if __name__ == "__main__":
    given = json.load(sys.stdin)
    said = report()
    sys.stdout.write((json.dumps(said) if given["format"] == "json" else page(said)) + "\n")
