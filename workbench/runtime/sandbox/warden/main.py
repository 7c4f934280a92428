"""The warden: a tiny process with one thread that owns every child, holds it to its limits, and ends whole trees.

It lives as long as its channel to the workbench: when the other end is gone, for whatever reason, every child is ended
and the warden with them.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import socket
import sys
import time

from workbench.runtime.sandbox.warden import cgroups, namespaces, plain, privileges, wire
from workbench.runtime.sandbox.warden.allowance import Allowance
from workbench.runtime.sandbox.warden.cgroups import ProcessCaps
from workbench.runtime.sandbox.warden.launch import Launch
from workbench.runtime.sandbox.warden.processes import (
    children_of,
    descendants_of,
    kill_descendants,
    send_signal,
)
from workbench.runtime.sandbox.warden.watch import TreeWatch

# All children together at ordinary weight: this part of the machine. Who uses more makes them all give way: enough for
# the app to stay quick beside hogs; more would let any load of others keep the warden from its work.
CORES_OF_ALL = 0.4 * (os.cpu_count() or 1)
GROUP_NICENESS = 10
IDLE_SECONDS = 3600.0
MOST_FAREWELL_LOOKS = 100
KILL_AGAIN_SECONDS = 0.02
NEVER = float("inf")


class Child:
    """One running child, and what is to happen to it when."""

    __slots__ = ("deadline", "first_pid", "group", "id", "kill_at", "pid", "report", "tier", "watch", "why")

    def __init__(self, launch_id: int, pid: int, launch: Launch, first_pid: int, report: int, group: str) -> None:
        now = time.monotonic()
        self.group, self.report = group, report
        self.id, self.pid, self.tier, self.first_pid = launch_id, pid, launch.tier, first_pid
        self.deadline, self.kill_at = now + launch.seconds, NEVER
        self.watch = TreeWatch(pid, launch.memory, launch.processes, now)
        self.why = ""

    @property
    def next_moment(self) -> float:
        """When something is to be done with it."""
        return min(self.deadline, self.kill_at, self.watch.next_look)


class Warden:
    """The loop: packets from the workbench, ends of children, deadlines."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._children: dict[int, Child] = {}
        self._caps = ProcessCaps()
        self._allowance, self._is_niced = Allowance(CORES_OF_ALL, time.monotonic()), False
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def run(self) -> None:
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in poll.poll(self._milliseconds_to_next())]
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
            self._reap()
            if self._channel.fileno() in ready and not self._take_packet():
                break
            self._enforce()
        self._end_everything()

    def _take_packet(self) -> bool:
        """Act on one packet; whether the workbench is still there."""
        try:
            packet = wire.receive(self._channel)
        except (OSError, ValueError):
            return False
        if packet is None:
            return False
        message, descriptors = packet
        if message.get("do") == "start":
            self._start(message, descriptors)
        elif message.get("do") == "stop":
            self._stop(int(message["id"]), float(message["grace"]))  # type: ignore[call-overload,arg-type]
        return True

    def _start(self, message: dict[str, object], descriptors: list[int]) -> None:
        launch_id = int(message["id"])  # type: ignore[call-overload]
        high = [_moved_up(descriptor) for descriptor in descriptors]
        group, first_pid, report = "", 0, -1
        try:
            launch = Launch(message)
            group = self._caps.enter(launch.processes)
            if launch.tier.startswith("A"):
                pid, first_pid, report = namespaces.start(launch, high)
            else:
                pid = plain.start(launch, high)
        except (OSError, ValueError, KeyError) as error:
            self._caps.leave()
            cgroups.remove(group)
            self._tell({"did": "refuse", "id": launch_id, "message": str(error)})
            return
        finally:
            for descriptor in high:
                os.close(descriptor)
        self._caps.leave()
        self._children[pid] = Child(launch_id, pid, launch, first_pid, report, group)
        self._tell({"did": "start", "id": launch_id, "pid": pid})

    def _stop(self, launch_id: int, grace: float) -> None:
        for child in self._children.values():
            if child.id == launch_id:
                self._ask_to_end(child, grace, "stopped")

    def _ask_to_end(self, child: Child, grace: float, why: str) -> None:
        """TERM to the command itself, so that it may clean up; KILL to everything once the grace is over."""
        child.why = child.why or why
        now = time.monotonic()
        if grace > 0 and child.kill_at == NEVER:
            for pid in self._commands_of(child):
                send_signal(pid, signal.SIGTERM)
                send_signal(pid, signal.SIGCONT)
        child.kill_at = min(child.kill_at, now + grace)
        child.deadline = NEVER
        if grace <= 0:
            self._kill(child)

    def _commands_of(self, child: Child) -> list[int]:
        return children_of(child.first_pid or child.pid)

    def _kill(self, child: Child) -> None:
        """Kill, and again a little later until it has ended: a guard may be about to start what was not there yet."""
        child.kill_at = time.monotonic() + KILL_AGAIN_SECONDS
        if child.tier.startswith("A"):
            # While it is setting up, bubblewrap's inner process does not yet die with the outer one.
            for pid in (*children_of(child.pid), child.pid):
                send_signal(pid, signal.SIGKILL)
            return
        for pid in descendants_of(child.pid):
            send_signal(pid, signal.SIGSTOP)
        for pid in descendants_of(child.pid):
            send_signal(pid, signal.SIGKILL)

    def _enforce(self) -> None:
        now, used = time.monotonic(), 0.0
        for child in list(self._children.values()):
            if child.deadline <= now:
                self._ask_to_end(child, 0.3, "deadline")
            elif child.kill_at <= now:
                self._kill(child)
            elif child.watch.next_look <= now:
                over = child.watch.look(now)
                used += child.watch.used
                if over:
                    self._ask_to_end(child, 0, over)
        self._allowance.spend(used, now)
        if self._allowance.is_spent is not self._is_niced:
            self._is_niced = _group_is_niced(self._allowance.is_spent)

    def _milliseconds_to_next(self) -> int:
        soonest = min((child.next_moment for child in self._children.values()), default=NEVER)
        seconds = min(IDLE_SECONDS, max(0.0, soonest - time.monotonic()))
        return int(seconds * 1000) + 1

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is None:
                continue
            self._end_orphans()
            if child.report >= 0:
                os.close(child.report)
            cgroups.remove(child.group)
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
            is_whole = not child.tier.startswith("A")  # bubblewrap ends without having waited for what it started
            cpu_ms = round((usage.ru_utime + usage.ru_stime) * 1000, 3) if is_whole else None
            max_rss_kb = usage.ru_maxrss if is_whole and usage.ru_maxrss > _own_max_rss() + 256 else 0
            self._tell(
                {
                    "did": "end",
                    "id": child.id,
                    "code": code,
                    "why": child.why,
                    "cpu_ms": cpu_ms,
                    "max_rss_kb": max(max_rss_kb, child.watch.max_rss // 1024) or None,
                    "measured": child.watch.measured,
                }
            )

    def _end_orphans(self) -> None:
        """Whoever is our child without having been started by us outlived what it was started by."""
        for pid in children_of(os.getpid()):
            if pid not in self._children:
                kill_descendants(pid)
                send_signal(pid, signal.SIGKILL)

    def _tell(self, message: dict[str, object]) -> None:
        try:
            wire.send(self._channel, message)
        except OSError:
            return

    def _end_everything(self) -> None:
        for child in self._children.values():
            self._kill(child)
        kill_descendants(os.getpid())
        groups = [child.group for child in self._children.values()]
        for _ in range(MOST_FAREWELL_LOOKS):
            groups = [group for group in groups if not cgroups.remove(group)]
            if not groups:
                return
            time.sleep(0.002)


def _moved_up(descriptor: int) -> int:
    """The same file under a number that no child's own numbers can meet."""
    high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, plain.FIRST_FREE_DESCRIPTOR)
    os.close(descriptor)
    return high


def _own_max_rss() -> int:
    """A child counts as at least as large as we were when it was started; less than that is not known."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _group_is_niced(wanted: bool) -> bool:
    """Whether the share of this session is the small one; the kernel lets it be changed ten times a second."""
    try:
        with open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write(str(GROUP_NICENESS if wanted else 0))
    except OSError:
        return not wanted
    return wanted


def _only_descriptor(number: int) -> socket.socket:
    """The channel, out of every child's reach: whoever holds it could ask for a child without walls."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != number:
            try:
                os.close(int(name))
            except OSError:
                continue
    os.set_inheritable(number, False)
    return socket.socket(fileno=number)


def main() -> None:
    """Serve the channel whose descriptor the command line names."""
    channel = _only_descriptor(int(sys.argv[-1]))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(plain.MOST_DESCRIPTORS, most), most))
    try:
        os.setsid()  # one share of the processor for the warden and all its children
    except OSError:
        pass  # it has one already
    try:
        privileges.adopt_orphans()
    except OSError:
        pass
    Warden(channel).run()
