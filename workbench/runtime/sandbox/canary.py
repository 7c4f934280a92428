"""What a canary tries from inside the sandbox. Runs there alone, on the standard library, and prints what got through.

Nothing here would harm the machine if it worked: doors are tried, not walked through.
"""

from __future__ import annotations

import json
import os
import socket
import sys


def tries(action: object) -> bool:
    """Whether an action gets through."""
    try:
        action()  # type: ignore[operator]
    except BaseException:  # noqa: BLE001  whatever stops it, it was stopped
        return False
    return True


def read_secret(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        file.read()


def write_outside(path: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write("canary")


def reach(address: tuple[str, int]) -> None:
    socket.create_connection(address, 0.5).close()


def reach_unix(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(path)


def find_in_processes(secret: str) -> None:
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if secret.encode() in file.read():
                        return
            except OSError:
                continue
    raise LookupError


def open_system_control() -> None:
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))


def main() -> None:
    told = json.loads(sys.argv[1])
    tries(lambda: write_outside(told["outside"]))  # judged from outside: a private /tmp may take it
    got_through = {
        "read": tries(lambda: read_secret(told["secret"])),
        "network": tries(lambda: reach(("127.0.0.1", told["port"]))),
        "unix socket": tries(lambda: reach_unix(told["socket"])),
        "environment": told["word"] in os.environ.values() or tries(lambda: find_in_processes(told["word"])),
        "system control": tries(open_system_control),
        "signal": tries(lambda: os.kill(told["pid"], 0)),
        "own folder": tries(lambda: write_outside(os.path.join(os.environ["WORKBENCH_OUT"], "written"))),
    }
    print(json.dumps(got_through))


if __name__ == "__main__":
    main()
