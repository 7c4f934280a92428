"""A listening socket in a child's own network, for the proxy outside: nothing of ours has to run inside."""

from __future__ import annotations

import fcntl
import os
import socket

from workbench.runtime.sandbox.warden.syscalls import call

BACKLOG = 64
NS_GET_USERNS = 0xB701
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


def listener_in(pid: int, port: int) -> int:
    """A descriptor that listens in the network of that process; raises OSError where it cannot be had.

    A process of its own steps into that network and never comes back. It sends the socket and ends.
    """
    ours, theirs = socket.socketpair()
    with ours:
        helper = os.fork()
        if helper == 0:
            status = 1
            try:
                socket.send_fds(theirs, [b"-"], [_listening(pid, port)])
                status = 0
            except OSError as error:
                theirs.send(str(error).encode())
            finally:
                os._exit(status)
        theirs.close()
        said, descriptors, _, _ = socket.recv_fds(ours, 1000, 1)
        os.waitpid(helper, 0)
    if not descriptors:
        raise OSError(f"it gets no network: {said.decode('utf-8', 'replace')}")
    os.set_inheritable(descriptors[0], False)
    return descriptors[0]


def _listening(pid: int, port: int) -> int:
    _enter(f"/proc/{pid}/ns/net")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("0.0.0.0", port))
        listener.listen(BACKLOG)
        return listener.detach()


def _enter(path: str) -> None:
    """Into a network, by way of the user namespace that owns it: an ordinary user may do the one after the other."""
    network = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    owner = fcntl.ioctl(network, NS_GET_USERNS)
    try:
        call("setns", owner, CLONE_NEWUSER)
    except PermissionError:
        pass  # then root's own rights have to do
    call("setns", network, CLONE_NEWNET)
