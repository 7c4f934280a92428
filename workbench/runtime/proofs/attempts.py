"""What a proof tries from inside the sandbox. Runs there alone, on the standard library, and says in JSON what it got.

Nothing here would harm the machine if it worked: doors are tried, and what grows stops by itself.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import sys
import time
from typing import Any

MEGABYTE = 1_000_000
MOST_MEGABYTES = 400
MOST_PROCESSES = 40
MOST_FILES = 5_000
A_WHILE = 3.0


def gets(action: Any) -> bool:
    """Whether an action gets through."""
    try:
        action()
    except BaseException:  # noqa: BLE001  whatever stops it, it was stopped
        return False
    return True


def doors(told: dict[str, Any]) -> dict[str, object]:
    """Every way that is tried, by promise, and whether it got through."""
    seen = [name for name in os.listdir("/proc") if name.isdigit()]
    return {
        "read": {
            "by its path": gets(lambda: read(told["secret"])),
            "by a link": gets(lambda: by_a_link(os.symlink, told["secret"], "link")),
            "by a hard link": gets(lambda: by_a_link(os.link, told["secret"], "hard")),
            "by /proc/self/root": gets(lambda: read(f"/proc/self/root{told['secret']}")),
            "by another process": gets(lambda: read(f"/proc/{told['process']}/root{told['secret']}")),
        },
        "write": {
            "a new file": gets(lambda: write(told["outside"], "w")),
            "more in a file": gets(lambda: write(told["mine"], "a")),
            "nothing left of a file": gets(lambda: os.truncate(told["mine"], 0)),
            "a file moved out": gets(lambda: moved_out(told["outside"])),
            "a file gone": gets(lambda: os.unlink(told["mine"])),
        },
        "network": {
            "TCP": gets(lambda: socket.create_connection(("127.0.0.1", told["port"]), 0.5).close()),
            "UDP": gets(lambda: datagram(("127.0.0.1", told["port"]))),
            "a socket in the file system": gets(lambda: unix(told["socket"])),
            "an abstract socket": gets(lambda: unix(f"\0{told['abstract']}")),
        },
        "environment": {
            "its own": told["word"] in os.environ.values(),
            "another process's": any(told["word"] in environment_of(pid) for pid in seen),
        },
        "spawn": {"fork": gets(fork), "exec": gets(run_another)},
        "own folder": gets(lambda: write(own("written"), "w")),
        "processes seen": len(seen),
    }


def own(name: str) -> str:
    return os.path.join(os.environ["WORKBENCH_OUT"], name)


def read(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        file.read()


def by_a_link(make: Any, path: str, name: str) -> None:
    make(path, own(name))
    read(own(name))


def write(path: str, mode: str) -> None:
    with open(path, mode, encoding="utf-8") as file:
        file.write("x")


def moved_out(path: str) -> None:
    write(own("moved"), "w")
    os.rename(own("moved"), path)


def datagram(address: tuple[str, int]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", address)


def unix(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(path)


def environment_of(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def run_another() -> None:
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)


def many(told: dict[str, Any]) -> dict[str, object]:
    """How many processes there were at once, this one too, before one more was refused."""
    count = 1
    while count < MOST_PROCESSES:
        try:
            pid = os.fork()
        except OSError:
            return {"count": count, "refused": True}
        if pid == 0:
            time.sleep(A_WHILE)
            os._exit(0)
        count += 1
    time.sleep(A_WHILE)
    return {"count": count, "refused": False}


def memory(told: dict[str, Any]) -> dict[str, object]:
    """Take memory as fast as it comes, and keep it for a while."""
    kept = [b"x" * MEGABYTE for _ in range(MOST_MEGABYTES)]
    time.sleep(A_WHILE)
    return {"kept": len(kept)}


def cpu(told: dict[str, Any]) -> dict[str, object]:
    """The share of a core that somebody gets who wants all of it."""
    began, used = time.monotonic(), time.process_time()
    while time.monotonic() - began < told["seconds"]:
        pass
    return {"share": (time.process_time() - used) / (time.monotonic() - began)}


def sleep(told: dict[str, Any]) -> dict[str, object]:
    time.sleep(A_WHILE)
    return {"slept": A_WHILE}


def flood(told: dict[str, Any]) -> dict[str, object]:
    line = "x" * 65_536
    for _ in range(MOST_MEGABYTES * 10):
        sys.stdout.write(line)
    return {}


def files(told: dict[str, Any]) -> dict[str, object]:
    """One file that grows until it is refused; then many small ones."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    say({"size": size_of_the_largest()})
    for number in range(MOST_FILES):
        os.close(os.open(own(str(number)), os.O_CREAT | os.O_WRONLY))
    time.sleep(A_WHILE)
    return {"files": MOST_FILES}


def size_of_the_largest() -> int:
    size, piece = 0, b"x" * (MEGABYTE // 10)
    descriptor = os.open(own("large"), os.O_CREAT | os.O_WRONLY)
    try:
        while size < 20 * MEGABYTE:
            size += os.write(descriptor, piece)
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
    finally:
        os.close(descriptor)
    return size


def daemon(told: dict[str, Any]) -> dict[str, object]:
    """Leave a process behind in a session of its own, and end once it is there. It holds our output open."""
    arrived, arrive = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(arrive, b"-")
            time.sleep(60)
        os._exit(0)
    os.read(arrived, 1)
    return {"left": True}


ATTEMPTS = {each.__name__: each for each in (doors, many, memory, cpu, sleep, flood, files, daemon)}


def say(what: dict[str, object]) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def main() -> None:
    name, told = sys.argv[1:]
    say(ATTEMPTS[name](json.loads(told)))


if __name__ == "__main__":
    main()
