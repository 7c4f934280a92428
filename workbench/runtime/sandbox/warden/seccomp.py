"""The system call filter that a skill's processes live behind, as the BPF program that the kernel and bubblewrap take.

What is not named here is allowed; what is refused gets an error a program can handle, so that runtimes which only probe
for a facility go on without it. Every jump stays within the rule that makes it.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from workbench.runtime.sandbox.warden.privileges import no_new_privileges
from workbench.runtime.sandbox.warden.syscalls import MACHINES, NEWEST, call, number_of

AUDIT_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
SECCOMP = {"x86_64": 317, "aarch64": 277}
SET_MODE_FILTER, NEW_LISTENER, WAIT_UNTIL_KILLED = 1, 0x08, 0x20

KILL_PROCESS = 0x80000000
ALLOW = 0x7FFF0000
ERROR = 0x00050000
ASK = 0x7FC00000

# Offsets in the kernel's struct seccomp_data, and the operations of classic BPF that are used here.
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
LOAD, AND, GO, IF_EQUAL, IF_GREATER, IF_BITS, RETURN = 0x20, 0x54, 0x05, 0x15, 0x25, 0x45, 0x06

# These take their flags through a pointer, which a filter cannot follow; C libraries fall back to clone and openat
# when the kernel seems not to know them.
UNKNOWN = ("clone3", "openat2")

OTHER_PROCESSES = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp"),
    *("migrate_pages", "move_pages"),
)
NAMESPACES_AND_MOUNTS = (
    *("unshare", "setns", "chroot", "pivot_root", "mount", "umount2", "mount_setattr", "move_mount"),
    *("open_tree", "open_tree_attr", "fsopen", "fsconfig", "fsmount", "fspick", "open_by_handle_at"),
)
# System V objects can be used by a guessed id, without the call that makes them.
SHARED_WITH_OTHERS = (
    *("shmget", "shmat", "shmctl", "semget", "semop", "semtimedop", "semctl"),
    *("msgget", "msgsnd", "msgrcv", "msgctl", "mq_open", "mq_unlink"),
)
# Memory that no process's size shows.
UNSEEN_MEMORY = ("memfd_create", "memfd_secret")
KERNEL_SURFACE = (
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "perf_event_open", "userfaultfd"),
    *("keyctl", "add_key", "request_key", "fanotify_init", "personality", "modify_ldt", "syslog"),
)
THE_MACHINE = (
    *("reboot", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module"),
    *("settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "sethostname", "setdomainname"),
    *("swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "iopl", "ioperm", "vhangup"),
)
# Landlock does not see these; file systems without attributes give the same error, so that copying tools carry on.
ATTRIBUTES = (
    *("setxattr", "lsetxattr", "fsetxattr", "setxattrat"),
    *("removexattr", "lremovexattr", "fremovexattr", "removexattrat", "file_setattr"),
)

SET_ID_BITS = 0o6000
MODE_ARGUMENT = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "creat": 1, "mknod": 1, "mknodat": 2}
OPEN_ARGUMENTS = {"openat": (2, 3), "open": (1, 2)}
CREATES_A_FILE = 0o100 | 0o20000000  # O_CREAT, O_TMPFILE; without them the mode is whatever the register held

# TIOCSTI and TIOCLINUX type into the terminal; TIOCSETD loads line disciplines, a well of kernel bugs.
TERMINAL_CONTROLS = (0x5412, 0x541C, 0x5423)

CLONE_THREAD = 0x00010000
CLONE_NAMESPACES = 0x7E020000
CLONE_PARENT = 0x00008000  # the child would be the warden's, out of sight of whoever watches this tree

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_TYPE_MASK = 1, 2, 5, 0xF
INTERNET_PROTOCOLS = (0, 6, 17)  # the type's own, TCP, UDP
NETLINK_ROUTE = 0  # what getaddrinfo and getifaddrs ask


class Unsupported(OSError):
    """No filter is known for this machine, so nothing that needs one may run here."""

    def __init__(self, machine: str) -> None:
        super().__init__(errno.ENOSYS, f"no system call filter for {machine!r}, only for {' and '.join(MACHINES)}")
        self.machine = machine


class Assembler:
    """Writes BPF instructions in order. A jump names a label that is placed later; a placed label is free again."""

    def __init__(self) -> None:
        self._instructions: list[tuple[int, int, int, int]] = []
        self._waiting: dict[str, list[int]] = {}

    def load(self, offset: int) -> None:
        self._write(LOAD, offset)

    def load_argument(self, index: int) -> None:
        """The low 32 bits, which is all that the kernel reads of the arguments judged here."""
        self.load(ARGUMENTS + 8 * index)

    def keep_bits(self, bits: int) -> None:
        self._write(AND, bits)

    def give(self, action: int) -> None:
        self._write(RETURN, action)

    def refuse(self, error: int) -> None:
        self.give(ERROR | error)

    def go(self, label: str) -> None:
        self._jump(GO, 0, label)

    def if_equal(self, value: int, label: str) -> None:
        self._jump(IF_EQUAL, value, label)

    def if_greater(self, value: int, label: str) -> None:
        self._jump(IF_GREATER, value, label)

    def if_bits(self, bits: int, label: str) -> None:
        self._jump(IF_BITS, bits, label)

    def unless_equal(self, value: int, label: str) -> None:
        self._jump(IF_EQUAL, value, label, inverted=True)

    def unless_bits(self, bits: int, label: str) -> None:
        self._jump(IF_BITS, bits, label, inverted=True)

    def place(self, label: str) -> None:
        """The next instruction is where jumps to this label arrive."""
        for position in self._waiting.pop(label, ()):
            distance = len(self._instructions) - position - 1
            operation, if_true, if_false, value = self._instructions[position]
            if operation == GO:
                value = distance
            elif if_false:
                if_false = distance
            else:
                if_true = distance
            self._instructions[position] = (operation, if_true, if_false, value)

    def assembled(self) -> bytes:
        if self._waiting:
            raise ValueError(f"labels never placed: {sorted(self._waiting)}")
        return b"".join(
            operation.to_bytes(2, "little") + bytes((if_true, if_false)) + value.to_bytes(4, "little")
            for operation, if_true, if_false, value in self._instructions
        )

    def _write(self, operation: int, value: int) -> None:
        self._instructions.append((operation, 0, 0, value))

    def _jump(self, operation: int, value: int, label: str, *, inverted: bool = False) -> None:
        self._waiting.setdefault(label, []).append(len(self._instructions))
        self._instructions.append((operation, 0, int(inverted), value))


class Rules(Assembler):
    """The assembler for one machine, with its calls by name. What a rule does not refuse, it allows."""

    def __init__(self, machine: str) -> None:
        super().__init__()
        self._machine = machine

    def begin(self, name: str) -> bool:
        """Start one call's rule, to be closed by `end`; False, and nothing to write, where the machine lacks it."""
        number = number_of(name, self._machine)
        if number is not None:
            self.unless_equal(number, "next rule")
        return number is not None

    def ask_about(self, names: tuple[str, ...]) -> None:
        for name in names:
            if self.begin(name):
                self.give(ASK)
                self.end()

    def end(self) -> None:
        self.place("allow")
        self.give(ALLOW)
        self.place("next rule")

    def refuse_calls(self, names: tuple[str, ...], error: int) -> None:
        numbers = [number for name in names if (number := number_of(name, self._machine)) is not None]
        for number in numbers:
            self.if_equal(number, "refuse")
        self.go("next rule")
        self.place("refuse")
        self.refuse(error)
        self.place("next rule")


def program(
    *, allow_network: bool, allow_spawn: bool, asks_about_sockets: bool = False, machine: str | None = None
) -> bytes:
    """The filter as an array of struct sock_filter: the same bytes for the same arguments, so it can be kept.

    What another filter asks about has to be allowed here: the kernel does what the strictest one says.
    """
    machine = machine or _this_machine()
    if machine not in MACHINES:
        raise Unsupported(machine)
    rules = Rules(machine)
    _only_calls_that_are_known(rules, AUDIT_ARCHITECTURE[machine])
    _no_set_id_bits(rules)
    _no_typing_into_terminals(rules)
    _no_namespaces_and_escapes(rules, allow_spawn=allow_spawn)
    if allow_network:
        _sockets_of_own_network(rules)
    elif not asks_about_sockets:
        rules.refuse_calls(("socket",), errno.EACCES)
    _local_socket_pairs(rules)
    _no_limits_on_others(rules)
    rules.refuse_calls(UNKNOWN, errno.ENOSYS)
    rules.refuse_calls(ATTRIBUTES, errno.EOPNOTSUPP)
    rules.refuse_calls(OTHER_PROCESSES + NAMESPACES_AND_MOUNTS + SHARED_WITH_OTHERS, errno.EPERM)
    rules.refuse_calls(UNSEEN_MEMORY + KERNEL_SURFACE + THE_MACHINE, errno.EPERM)
    rules.give(ALLOW)
    return rules.assembled()


def asking_program(*, sockets: bool, spawns: bool, machine: str | None = None) -> bytes:
    """A filter that refuses nothing by itself: it has somebody outside decide."""
    machine = machine or _this_machine()
    rules = Rules(machine)
    rules.load(ARCHITECTURE)
    rules.if_equal(AUDIT_ARCHITECTURE[machine], "native")
    rules.give(ALLOW)
    rules.place("native")
    rules.load(NUMBER)
    if sockets:
        rules.ask_about(("socket",))
    if spawns:
        if rules.begin("clone"):
            rules.load_argument(0)
            rules.if_bits(CLONE_THREAD, "allow")
            rules.give(ASK)
            rules.end()
        rules.ask_about(("fork", "vfork"))
    rules.give(ALLOW)
    return rules.assembled()


def install(program: bytes) -> None:
    """Put this thread, and all that it will ever start, behind the filter. There is no way back."""
    no_new_privileges()
    with _in_memory(program) as header:
        call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header)


def listen(program: bytes) -> int:
    """The same with a filter that asks; returns the descriptor at which its questions arrive."""
    no_new_privileges()
    number = SECCOMP[_this_machine()]
    with _in_memory(program) as header:
        try:
            return call("syscall", number, SET_MODE_FILTER, NEW_LISTENER | WAIT_UNTIL_KILLED, header)
        except OSError as error:
            if error.errno != errno.EINVAL:  # a kernel before 5.19, where any signal interrupts a call that waits
                raise
            return call("syscall", number, SET_MODE_FILTER, NEW_LISTENER, header)


@contextmanager
def _in_memory(program: bytes) -> Iterator[bytes]:
    """The kernel's struct sock_fprog for it, as long as the block lasts."""
    import ctypes

    instructions = ctypes.create_string_buffer(program, len(program))
    yield (len(program) // 8).to_bytes(8, "little") + ctypes.addressof(instructions).to_bytes(8, "little")
    del instructions


def _this_machine() -> str:
    """A 32-bit Python under a 64-bit kernel counts its calls in another way: the filter would kill it."""
    machine = os.uname().machine
    return machine if sys.maxsize > 2**32 else f"32-bit {machine}"


def _only_calls_that_are_known(rules: Rules, architecture: int) -> None:
    """Leaves the call's number loaded, as every rule expects it. The upper bound also keeps out x32 and its aliases."""
    rules.load(ARCHITECTURE)
    rules.if_equal(architecture, "native")
    rules.give(KILL_PROCESS)
    rules.place("native")
    rules.load(NUMBER)
    rules.if_greater(NEWEST, "refuse")
    rules.go("next rule")
    rules.place("refuse")
    rules.refuse(errno.ENOSYS)
    rules.place("next rule")


def _no_set_id_bits(rules: Rules) -> None:
    for name, (flags, mode) in OPEN_ARGUMENTS.items():
        if rules.begin(name):
            rules.load_argument(flags)
            rules.unless_bits(CREATES_A_FILE, "allow")
            rules.load_argument(mode)
            rules.unless_bits(SET_ID_BITS, "allow")
            rules.refuse(errno.EPERM)
            rules.end()
    for name, mode in MODE_ARGUMENT.items():
        if rules.begin(name):
            rules.load_argument(mode)
            rules.unless_bits(SET_ID_BITS, "allow")
            rules.refuse(errno.EPERM)
            rules.end()


def _no_typing_into_terminals(rules: Rules) -> None:
    if rules.begin("ioctl"):
        rules.load_argument(1)
        for control in TERMINAL_CONTROLS:
            rules.if_equal(control, "refuse")
        rules.go("allow")
        rules.place("refuse")
        rules.refuse(errno.EPERM)
        rules.end()


def _no_namespaces_and_escapes(rules: Rules, *, allow_spawn: bool) -> None:
    if rules.begin("clone"):
        rules.load_argument(0)
        rules.if_bits(CLONE_NAMESPACES | CLONE_PARENT, "refuse")
        if not allow_spawn:
            rules.unless_bits(CLONE_THREAD, "refuse")
        rules.go("allow")
        rules.place("refuse")
        rules.refuse(errno.EPERM)
        rules.end()
    if not allow_spawn:
        rules.refuse_calls(("fork", "vfork"), errno.EPERM)


def _sockets_of_own_network(rules: Rules) -> None:
    """TCP and UDP in a network that leads to the proxy alone; a socket in the file system would lead past it."""
    if rules.begin("socket"):
        rules.load_argument(0)
        rules.if_equal(AF_INET, "internet")
        rules.if_equal(AF_INET6, "internet")
        rules.if_equal(AF_NETLINK, "netlink")
        rules.refuse(errno.EAFNOSUPPORT)
        rules.place("netlink")
        rules.load_argument(2)
        rules.if_equal(NETLINK_ROUTE, "allow")
        rules.refuse(errno.EPROTONOSUPPORT)
        rules.place("internet")
        rules.load_argument(1)
        rules.keep_bits(SOCK_TYPE_MASK)
        rules.if_equal(SOCK_STREAM, "protocol")
        rules.if_equal(SOCK_DGRAM, "protocol")
        rules.refuse(errno.EPERM)
        rules.place("protocol")
        rules.load_argument(2)
        for protocol in INTERNET_PROTOCOLS:
            rules.if_equal(protocol, "allow")
        rules.refuse(errno.EPROTONOSUPPORT)
        rules.end()


def _local_socket_pairs(rules: Rules) -> None:
    """One end of a datagram pair can be pointed at any socket in the file system: a way out without socket()."""
    if rules.begin("socketpair"):
        rules.load_argument(0)
        rules.unless_equal(AF_UNIX, "refuse")
        rules.load_argument(1)
        rules.keep_bits(SOCK_TYPE_MASK)
        for socket_type in (SOCK_STREAM, SOCK_SEQPACKET):
            rules.if_equal(socket_type, "allow")
        rules.place("refuse")
        rules.refuse(errno.EACCES)
        rules.end()


def _no_limits_on_others(rules: Rules) -> None:
    """Limits and priorities of the own process only: without a pid namespace they reach every process of the user."""
    for name, own_only in (("prlimit64", (0,)), ("setpriority", (0, 1))):
        if rules.begin(name):
            for argument in own_only:
                rules.load_argument(argument)
                rules.unless_equal(0, "refuse")
            rules.go("allow")
            rules.place("refuse")
            rules.refuse(errno.EPERM)
            rules.end()
