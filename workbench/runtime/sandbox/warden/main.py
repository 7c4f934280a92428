"""The warden: a tiny process with one loop that owns every child, holds it to its limits, and ends whole trees.

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
from contextlib import suppress

from workbench.runtime.sandbox.warden import namespaces, plain, privileges, wire
from workbench.runtime.sandbox.warden.allowance import Allowance
from workbench.runtime.sandbox.warden.cgroups import NO_GROUP, Group, Groups
from workbench.runtime.sandbox.warden.launch import Launch
from workbench.runtime.sandbox.warden.namespaces import Started
from workbench.runtime.sandbox.warden.notices import Asked, Notices, Starter
from workbench.runtime.sandbox.warden.processes import (
    children_of,
    descendants_of,
    kill_descendants,
    send_signal,
)
from workbench.runtime.sandbox.warden.watch import TreeWatch

# All children together at ordinary weight: this part of the machine. Who uses more makes them all give way: enough for
# the app to stay quick beside hogs; more would let any load of others keep the warden from its work.
CORES_OF_ALL = 0.35 * (os.cpu_count() or 1)
GROUP_NICENESS = 10
IDLE_SECONDS = 3600.0
# A group is empty a moment after the last of its processes has ended.
EMPTYING_SECONDS = 0.005
MOST_FAREWELL_LOOKS = 100
KILL_AGAIN_SECONDS = 0.02
NEVER = float("inf")


class Child:
    """One running child, and what is to happen to it when."""

    __slots__ = ("deadline", "first_pid", "group", "id", "kill_at", "notices", "pid", "tier", "walls", "watch", "why")

    def __init__(
        self, launch_id: int, launch: Launch, pid: int, group: Group, walls: Started | None, notices: Notices | None
    ) -> None:
        now = time.monotonic()
        self.id, self.pid, self.tier, self.group = launch_id, pid, launch.tier, group
        self.walls, self.notices = walls, notices
        self.first_pid = walls.first_pid if walls else 0
        self.deadline, self.kill_at = now + launch.seconds, NEVER
        self.watch = TreeWatch(pid, self.first_pid, launch, now)
        self.why = ""

    @property
    def next_moment(self) -> float:
        """When something is to be done with it."""
        pause = self.notices.goes_on_at if self.notices else NEVER
        return min(self.deadline, self.kill_at, self.watch.next_look, pause)

    def close(self) -> None:
        """It has ended: what was open for it need not be any more."""
        if self.notices:
            self.notices.close()
        if self.walls:
            self.walls.close()


class Warden:
    """The loop: packets from the workbench, ends of children, deadlines."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._children: dict[int, Child] = {}
        self._groups, self._emptied = Groups(), list[Group]()
        self._allowance, self._is_niced = Allowance(CORES_OF_ALL, time.monotonic()), False
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._poll, self._asking = select.poll(), dict[int, Child]()
        self._ready: dict[tuple[bool, bool], Starter | None] = {}

    def run(self) -> None:
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._poll.register(self._channel, select.POLLIN)
        self._poll.register(self._wake_read, select.POLLIN)
        while True:
            events = dict(self._poll.poll(self._milliseconds_to_next()))
            if self._wake_read in events:
                os.read(self._wake_read, 4096)
            for descriptor in events.keys() & self._asking.keys():
                self._hear(self._asking[descriptor], events[descriptor])
            self._reap()
            if self._channel.fileno() in events and not self._take_packet():
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
        group = NO_GROUP
        try:
            launch = Launch(message)
            asked = Asked(launch)
            group = self._groups.enter(launch)
            if launch.tier.startswith("A"):
                starter = self._starter_for(asked)
                walls = namespaces.start(launch, high, asked, starter, before_it_runs=lambda: self._hold(group, launch))
                child = Child(launch_id, launch, walls.pid, group, walls, walls.notices)
            else:
                pid, notices = plain.start(launch, high, asked)
                child = Child(launch_id, launch, pid, group, None, notices)
                self._hold_or_kill(child, launch)
        except (OSError, ValueError, KeyError, ArithmeticError) as error:
            with suppress(OSError):
                self._groups.leave(group)
            self._emptied.append(group)
            self._tell({"did": "refuse", "id": launch_id, "message": str(error)})
            return
        finally:
            for descriptor in high:
                os.close(descriptor)
        self._children[child.pid] = child
        self._listen_to(child)
        listener = child.walls.listener if child.walls else -1
        self._tell({"did": "start", "id": launch_id, "pid": child.pid}, () if listener < 0 else (listener,))
        if listener >= 0:
            os.close(listener)
        if asked and asked.kind not in self._ready and child.walls:
            self._ready[asked.kind] = self._starter_for(asked)  # for the next of its kind, while nobody waits

    def _starter_for(self, asked: Asked) -> Starter | None:
        """One that is ready, or a new one; where none can be made, the filter refuses by itself and nobody counts."""
        if asked and (starter := self._ready.pop(asked.kind, None)):
            return starter
        try:
            return Starter(asked) if asked else None
        except (OSError, RuntimeError):
            asked.forget()
            return None

    def _listen_to(self, child: Child) -> None:
        if child.notices and child.notices.listener >= 0:
            child.notices.goes_on_at = NEVER
            self._asking[child.notices.listener] = child
            self._poll.register(child.notices.listener, select.POLLIN)

    def _listen_no_more(self, child: Child) -> None:
        if child.notices and self._asking.pop(child.notices.listener, None):
            self._poll.unregister(child.notices.listener)

    def _hear(self, child: Child, events: int) -> None:
        """One call that the kernel asks about; who asks too often is left waiting for a while.

        Where nobody is left who could ask there is nothing to receive, and waiting for it would hold us up.
        """
        assert child.notices is not None
        if not events & select.POLLIN:
            self._listen_no_more(child)
            return
        child.notices.answer_one(lambda: self._tell_denied(child))
        if child.notices.goes_on_at != NEVER:
            self._listen_no_more(child)

    def _tell_denied(self, child: Child) -> None:
        """What it was denied since the workbench had room to hear of it. A skill must not make us wait for that."""
        if child.notices and child.notices.untold:
            message: dict[str, object] = {"did": "deny", "id": child.id, "denied": dict(child.notices.untold)}
            with suppress(OSError):
                wire.send(self._channel, message, flags=socket.MSG_DONTWAIT)
                child.notices.untold.clear()

    def _hold(self, group: Group, launch: Launch) -> None:
        """Leave a child alone in its group, and the group to its limits."""
        self._groups.leave(group)
        group.hold(launch)

    def _hold_or_kill(self, child: Child, launch: Launch) -> None:
        """One that runs already does not run on without its limits."""
        try:
            self._hold(child.group, launch)
        except OSError:
            self._kill(child)
            send_signal(child.pid, signal.SIGKILL)
            child.close()
            raise

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
            if child.notices and child.notices.goes_on_at <= now:
                self._listen_to(child)
            if child.deadline <= now:
                self._ask_to_end(child, 0.3, "deadline")
            elif child.kill_at <= now:
                self._kill(child)
            elif child.watch.next_look <= now:
                over = child.watch.look(now, is_ending=child.kill_at != NEVER)
                used += child.watch.used
                if not over and (bytes_held := child.group.memory_that_ended_it):
                    over, child.watch.measured = "memory", bytes_held
                if over:
                    self._ask_to_end(child, 0, over)
        self._emptied = [group for group in self._emptied if not group.remove()]
        self._allowance.spend(used, now)
        if self._allowance.is_spent is not self._is_niced:
            self._is_niced = _group_is_niced(self._allowance.is_spent)

    def _milliseconds_to_next(self) -> int:
        soonest = min((child.next_moment for child in self._children.values()), default=NEVER)
        longest = EMPTYING_SECONDS if self._emptied else IDLE_SECONDS
        seconds = min(longest, max(0.0, soonest - time.monotonic()))
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
            self._listen_no_more(child)
            self._tell_denied(child)
            if not child.why and (bytes_held := child.group.memory_that_ended_it):
                child.why, child.watch.measured = "memory", bytes_held
            child.close()
            self._emptied.append(child.group)
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
            is_whole = not child.tier.startswith("A")  # bubblewrap ends without having waited for what it started
            cpu_ms = (usage.ru_utime + usage.ru_stime if is_whole else child.watch.cpu_seconds) * 1000
            max_rss_kb = usage.ru_maxrss if is_whole and usage.ru_maxrss > _own_max_rss() + 256 else 0
            self._tell(
                {
                    "did": "end",
                    "id": child.id,
                    "code": code,
                    "why": child.why,
                    "cpu_ms": round(cpu_ms, 3) or None,
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

    def _tell(self, message: dict[str, object], descriptors: tuple[int, ...] = ()) -> None:
        try:
            wire.send(self._channel, message, descriptors)
        except OSError:
            return

    def _end_everything(self) -> None:
        for child in self._children.values():
            self._kill(child)
        kill_descendants(os.getpid())
        groups = [*self._emptied, *(child.group for child in self._children.values())]
        for _ in range(MOST_FAREWELL_LOOKS):
            groups = [group for group in groups if not group.remove()]
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
