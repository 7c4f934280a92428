"""The filter, walked rule by rule for both machines, as the kernel would take it."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable
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
def test_an_open_network_means_tcp_udp_and_name_lookup_only(machine: str) -> None:
    def asked(family: int, kind: int, protocol: int = 0) -> str:
        return verdict(machine, "socket", family, kind | 0x80800, protocol, allow_network=True)

    for family in (2, 10):
        assert {asked(family, 1), asked(family, 2), asked(family, 1, 6), asked(family, 2, 17)} == {"allowed"}
        assert {asked(family, 3), asked(family, 3, 255), asked(family, 5), asked(family, 6), asked(family, 10)} == {
            "EPERM"
        }
        assert {asked(family, 1, 132), asked(family, 1, 262), asked(family, 2, 1)} == {"EPROTONOSUPPORT"}
    assert asked(16, 3, 0) == "allowed"
    assert {asked(16, 3, protocol) for protocol in range(1, 23)} == {"EPROTONOSUPPORT"}
    assert {asked(family, 1) for family in set(range(46)) - {2, 10, 16}} == {"EAFNOSUPPORT"}


@on_both_machines
@pytest.mark.parametrize("open_", [False, True])
def test_a_socket_pair_cannot_be_pointed_elsewhere(machine: str, open_: bool) -> None:
    stream, datagram, raw, sequenced = 1, 2, 3, 5

    def asked(family: int, kind: int) -> str:
        return verdict(machine, "socketpair", family, kind, allow_network=open_)

    assert {asked(1, stream | 0x80800), asked(1, sequenced)} == {"allowed"}
    assert {asked(1, datagram | 0x80000), asked(30, stream)} == {"EACCES"}
    assert asked(1, raw) == "EACCES"  # the kernel makes a datagram socket of it


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
