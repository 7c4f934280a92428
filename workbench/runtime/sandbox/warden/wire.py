"""Messages between the workbench and the warden: one JSON packet each, descriptors riding along."""

from __future__ import annotations

import array
import json
import socket

MAX_PACKET = 180_000
MAX_DESCRIPTORS = 16
_FLAGS = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class TooLarge(OSError):
    """No packet holds this message."""


def send(
    channel: socket.socket, message: dict[str, object], descriptors: tuple[int, ...] = (), *, flags: int = 0
) -> None:
    """Send one message; raises OSError when the other end is gone or the packet is too large."""
    packet = json.dumps(message).encode()
    if len(packet) > MAX_PACKET:
        raise TooLarge(f"{len(packet) // 1000} kB in one message, and at most {MAX_PACKET // 1000} kB")
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    channel.sendmsg([packet], rights, flags)


def receive(channel: socket.socket) -> tuple[dict[str, object], list[int]] | None:
    """The next message and its descriptors, closed over exec; None when the other end is gone."""
    space = socket.CMSG_SPACE(MAX_DESCRIPTORS * array.array("i").itemsize)
    packet, ancillary, _, _ = channel.recvmsg(MAX_PACKET + 1, space, _FLAGS)
    descriptors: list[int] = []
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers = array.array("i")
            numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
            descriptors.extend(numbers)
    if not packet:
        return None
    message: dict[str, object] = json.loads(packet)
    return message, descriptors
