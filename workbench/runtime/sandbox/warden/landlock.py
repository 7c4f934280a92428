"""Landlock: what this process and its children may read, write and reach from here on, set by the process itself.

It needs no rights and no namespaces. It does not see chmod, times, attributes, UDP or other sockets than TCP.
"""

from __future__ import annotations

import errno
import os
import stat

# From collections.abc it would load all of `collections`, which costs more than this file.
from _collections_abc import Sequence

from workbench.runtime.sandbox.warden.privileges import no_new_privileges
from workbench.runtime.sandbox.warden.syscalls import call

# The same on every machine.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH, RULE_NET_PORT = 1, 2

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE = 1 << 4, 1 << 5
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = (1 << bit for bit in range(6, 13))
REFER, TRUNCATE, IOCTL_DEV, RESOLVE_UNIX = 1 << 13, 1 << 14, 1 << 15, 1 << 16
BIND_TCP, CONNECT_TCP = 1 << 0, 1 << 1
SCOPE_ABSTRACT_UNIX, SCOPE_SIGNAL = 1 << 0, 1 << 1

FIRST_ABI_RIGHTS = (1 << 13) - 1
RIGHTS_BY_ABI = {2: REFER, 3: TRUNCATE, 5: IOCTL_DEV, 9: RESOLVE_UNIX}

READ = READ_FILE | READ_DIR | EXECUTE
# No device files and no ioctls on devices, not even in a writable folder.
WRITE = (
    READ
    | (WRITE_FILE | TRUNCATE | REFER | REMOVE_DIR | REMOVE_FILE)
    | (MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_SYM | RESOLVE_UNIX)
)
RIGHTS_OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | RESOLVE_UNIX


def abi() -> int:
    """The kernel's Landlock version, 0 when there is none or it is switched off."""
    try:
        return call("syscall", CREATE_RULESET, 0, 0, CREATE_RULESET_VERSION)
    except OSError:
        return 0


def restrict(
    *,
    read: Sequence[str | int],
    write: Sequence[str | int],
    list_only: Sequence[str | int] = (),
    connect: Sequence[int] = (),
) -> None:
    """Allow only what is listed, for this thread and all that it will ever start; there is no way back.

    Each entry holds for everything beneath it, symbolic links followed; an open descriptor may stand for a path, for
    whoever must be sure what was opened. Missing paths to read or list are skipped, a missing path to write is an
    error. `read` lets programs run, too. TCP is closed but to the ports in `connect` (from ABI 4; signals and abstract
    sockets of processes outside are out of reach from ABI 6, unix sockets outside `write` from ABI 9).
    """
    version = abi()
    if not version:
        raise OSError(errno.ENOSYS, "this kernel has no Landlock, or it is switched off")
    ruleset = call("syscall", CREATE_RULESET, _ruleset(version), len(_ruleset(version)), 0)
    try:
        for path in read:
            _allow(ruleset, path, READ, skip_missing=True)
        for path in write:
            _allow(ruleset, path, WRITE & handled_rights(version))
        for path in list_only:
            _allow(ruleset, path, READ_DIR, skip_missing=True)
        for port in connect if version >= 4 else ():
            _add_rule(ruleset, RULE_NET_PORT, CONNECT_TCP.to_bytes(8, "little") + port.to_bytes(8, "little"), port)
        no_new_privileges()
        call("syscall", RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def handled_rights(version: int) -> int:
    """The rights to files that this version of Landlock takes away from whoever has no rule for them."""
    return FIRST_ABI_RIGHTS | sum(right for since, right in RIGHTS_BY_ABI.items() if version >= since)


def _ruleset(version: int) -> bytes:
    """struct landlock_ruleset_attr, as long as this version knows it."""
    fields = [handled_rights(version)]
    if version >= 4:
        fields.append(BIND_TCP | CONNECT_TCP)
    if version >= 6:
        fields.append(SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL)
    return b"".join(field.to_bytes(8, "little") for field in fields)


def _allow(ruleset: int, path: str | int, rights: int, *, skip_missing: bool = False) -> None:
    try:
        descriptor = path if isinstance(path, int) else _opened(path)
    except (FileNotFoundError, NotADirectoryError):
        if skip_missing:
            return
        raise
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= RIGHTS_OF_A_FILE
        if not rights:
            raise NotADirectoryError(errno.ENOTDIR, "only a folder can be listed", str(path))
        _add_rule(ruleset, RULE_PATH_BENEATH, rights.to_bytes(8, "little") + descriptor.to_bytes(4, "little"), path)
    finally:
        if not isinstance(path, int):
            os.close(descriptor)


def _opened(path: str) -> int:
    try:
        return os.open(path, os.O_PATH | os.O_CLOEXEC)
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, str(error), path) from error


def _add_rule(ruleset: int, kind: int, rule: bytes, subject: str | int) -> None:
    try:
        call("syscall", ADD_RULE, ruleset, kind, rule, 0)
    except OSError as error:
        raise OSError(error.errno, f"Landlock takes no rule for it: {error.strerror}", str(subject)) from error
