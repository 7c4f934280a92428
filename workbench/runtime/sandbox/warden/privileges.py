"""What a process gives up before it becomes a skill's: capabilities, new privileges, and a life beyond its parent's."""

from __future__ import annotations

import errno
import os

from workbench.runtime.sandbox.warden.syscalls import call

PR_SET_PDEATHSIG = 1
PR_CAPBSET_DROP = 24
PR_SET_SECUREBITS = 28
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

# No capabilities for uid 0 on exec (0x01), none kept or changed by setuid (0x04), none raised as ambient (0x40),
# and each of these, with "keep capabilities" off, locked (0x02, 0x08, 0x20, 0x80).
SECURE_BITS = 0xEF

CAPABILITY_VERSION_3 = 0x20080522
MOST_CAPABILITIES = 64

SIGKILL = 9
KILLED = 128 + SIGKILL


def no_new_privileges() -> None:
    """From here on no exec gives more rights than this process has: setuid programs run as anybody's."""
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def drop_capabilities() -> None:
    """Leave no capability to this process, nor a way for root's programs to get one back on exec.

    The bounding set and the secure bits can be changed only by who holds CAP_SETPCAP; without it
    `no_new_privileges` is what keeps the door shut.
    """
    _empty_bounding_set()
    _if_permitted("prctl", PR_SET_SECUREBITS, SECURE_BITS, 0, 0, 0)
    call("capset", _this_process(), bytes(24))  # the ambient set goes with the permitted one
    if any(_held()):
        raise OSError(errno.EPERM, "the kernel left capabilities to this process after capset to none")


def die_with_parent(parent: int) -> None:
    """Be killed when the parent's thread that started this process ends, even by SIGKILL.

    `parent` is the pid the caller expects: when it died before this call, the process ends here. A change of user
    afterwards undoes it, so change the user first.
    """
    call("prctl", PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(KILLED)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so that a daemon cannot walk away."""
    call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _empty_bounding_set() -> None:
    for capability in range(MOST_CAPABILITIES):
        try:
            call("prctl", PR_CAPBSET_DROP, capability, 0, 0, 0)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.EPERM):  # past the kernel's last one; not ours to change
                return
            raise


def _if_permitted(function: str, *arguments: int) -> None:
    try:
        call(function, *arguments)
    except PermissionError:
        return


def _held() -> bytes:
    held = bytearray(24)
    call("capget", _this_process(), held)
    return bytes(held)


def _this_process() -> bytearray:
    return bytearray(CAPABILITY_VERSION_3.to_bytes(4, "little") + bytes(4))
