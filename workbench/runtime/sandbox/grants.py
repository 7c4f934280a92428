"""Which of the paths that a skill asks for it gets, and why not the others.

`./x` is the skill's own folder where it is read and the run's folder where it is written: both are there anyway, and
`/tmp` is the run's own as well. `workspace:x` is a place in the workspace; where that is a person's home, it is given
to whom they allow it, as places outside are. A place is looked up once; one that is reached through a link, or that is
not there, is not given, and whoever starts the child refuses a link that was put there since.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import partial

from workbench.model.consent import Consent, Right, permissions_with
from workbench.model.frozen import frozen
from workbench.model.policy import Permissions, Tier
from workbench.runtime.places import SKILL_FOLDERS, user_config_folder, user_data_folder, user_state_folder
from workbench.runtime.sandbox.hosts import EVERYONE, host_of

WORKSPACE = "workspace:"
REPOSITORIES = frozenset({".git", ".hg", ".svn"})
MOST_LOOKED_AT = 5_000
NOBODYS = ("/proc", "/sys", "/dev", "/run", "/var/run", "/etc", "/boot", "/var/lib", "/var/spool", "/var/log")
OF_KEYS = frozenset({".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".password-store"})
THE_SYSTEMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt")
PRIVATE = (".workbench",)
OURS = (".git", "workbench.toml", *PRIVATE, *SKILL_FOLDERS)
"""What in a workspace says what skills may do, or is run by others: no skill writes there."""
ALLOW_IT = "allow it: `A` in the app, or `workbench approve`"


@frozen
class Refusal:
    """Something that was asked for and is not given; what a person may allow is so only until somebody does."""

    permission: str
    asked: str
    why: str
    hint: str
    may_be_allowed: bool = False

    def __str__(self) -> str:
        return f"{self.permission} of {self.asked!r}: {self.why}"


@frozen
class Grants:
    """The places that a child may read and write besides its own, whom it may talk to, and what it is refused."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()


NOTHING = Grants()


def grants_of(
    permissions: Permissions, workspace: str, tier: Tier, consents: frozenset[Consent] = frozenset()
) -> Grants:
    """What comes of what a skill asks for, as the workspace is at this moment, behind walls of this tier.

    Places outside the workspace are for those whom a person allowed them.
    """
    permissions = permissions_with(permissions, consents)
    if not (permissions.file_read or permissions.file_write or permissions.network_access):
        return NOTHING
    read = [_place(Right.READ, asked, workspace, PRIVATE, consents) for asked in permissions.file_read]
    write = [_place(Right.WRITE, asked, workspace, OURS, consents) for asked in permissions.file_write]
    hosts = list(_hosts(permissions.network_access, tier))
    refused = [each for each in (*read, *write, *hosts) if isinstance(each, Refusal)]
    return Grants(
        read=tuple(dict.fromkeys(each for each in read if isinstance(each, str) and each)),
        write=tuple(dict.fromkeys(each for each in write if isinstance(each, str) and each)),
        hosts=tuple(sorted({each for each in hosts if isinstance(each, str)})),
        refused=tuple(refused),
    )


def _hosts(asked: bool | tuple[str, ...], tier: Tier) -> Iterator[str | Refusal]:
    """Whom it may talk to, by way of the proxy; where there are no namespaces nothing would force it to go that way."""
    if not asked:
        return
    entries = asked if isinstance(asked, tuple) else (EVERYONE,)
    for entry in entries:
        refused = partial(Refusal, permission="network_access", asked="everything" if entry == EVERYONE else entry)
        if not tier.has_namespaces:
            why = f"at tier {tier} nothing could hold it to the hosts that it names"
            yield refused(why=why, hint="`workbench doctor` says what to install for a stronger sandbox")
        elif entry == EVERYONE:
            yield entry
        elif (host := host_of(entry)) is None:
            yield refused(why="that is no host and port", hint="write api.example.com:443, one entry for each port")
        else:
            yield str(host)


def _place(
    right: Right, asked: str, workspace: str, closed: tuple[str, ...], consents: frozenset[Consent]
) -> str | Refusal:
    """The real place of one path, '' where it is the skill's own anyway."""

    def refused(why: str, hint: str) -> Refusal:
        return Refusal(permission=right.value, asked=asked, why=why, hint=hint)

    if said := impossible(asked):
        return refused(*said)
    if asked.rstrip("/") == "/tmp":
        return ""
    if asked.startswith("/"):
        return _place_outside(right, asked, workspace, closed, is_allowed=Consent(right=right, value=asked) in consents)
    inside = asked.removeprefix(WORKSPACE)
    if not asked.startswith(WORKSPACE):
        return ""
    place = os.path.normpath(f"{workspace}/{inside}")
    real = f"{os.path.realpath(workspace)}{place[len(workspace) :]}"
    if _real(place) != real:
        return refused("it leads through a link", "name the place that the link leads to")
    if OF_KEYS & set(inside.split("/")):
        return refused("keys are there", "copy what is needed elsewhere in the workspace")
    found = _checked(right, asked, place, real, workspace, closed)
    if isinstance(found, Refusal) or not _is_home(workspace) or Consent(right=right, value=asked) in consents:
        return found
    hint = f"{ALLOW_IT}; or work in a folder of its own"
    return Refusal(
        permission=right.value, asked=asked, why="the workspace is your home", hint=hint, may_be_allowed=True
    )


def _is_home(workspace: str) -> bool:
    """Whether what makes the shell, the desktop and everybody's keys is in this workspace."""
    return is_within(os.path.realpath(os.path.expanduser("~")), os.path.realpath(workspace))


def _real(place: str) -> str:
    """Where a place lies in truth; nothing where somebody swaps it for a link just now."""
    try:
        return os.path.realpath(place)
    except OSError:
        return ""


def impossible(asked: str) -> tuple[str, str] | None:
    """Why nobody could ever be given a path, whatever lies there, and what to write instead."""
    if not asked.strip() or not asked.isprintable():
        return "that is no path", "write ./x, or workspace:x"
    if asked.startswith("~"):
        return "it lies anywhere on this machine", "write workspace:x, or the whole path"
    inside = asked.removeprefix(WORKSPACE)
    if ".." in inside.split("/") or (asked != inside and inside.startswith("/")):
        return "it leads out", "name the place itself, without .."
    if os.path.normpath(asked) == "/":
        return "your home or the workspace is in it", "name a folder in it"
    return None


def _place_outside(
    right: Right, asked: str, workspace: str, closed: tuple[str, ...], *, is_allowed: bool
) -> str | Refusal:
    """A place anywhere on this machine: for whom a person allowed it, and some of them for nobody."""

    def refused(why: str, hint: str, *, may_be_allowed: bool = False) -> Refusal:
        return Refusal(permission=right.value, asked=asked, why=why, hint=hint, may_be_allowed=may_be_allowed)

    place = os.path.normpath(asked)
    if _real(place) != place:
        return refused("it leads through a link", "name the place that it leads to")
    if any(is_within(each, place) for each in (os.path.expanduser("~"), workspace)):
        return refused("your home or the workspace is in it", "name a folder in it")
    if is_within(place, *NOBODYS, *(THE_SYSTEMS if right is Right.WRITE else ())):
        return refused("that is the system's", "copy what is needed into the workspace")
    if OF_KEYS & set(place.split("/")):
        return refused("keys are there", "copy what is needed into the workspace")
    found = _checked(right, asked, place, place, workspace, closed)
    if isinstance(found, Refusal) or is_allowed:
        return found
    hint = f"{ALLOW_IT}; or write workspace:x for a place in the workspace"
    return refused("it lies outside the workspace", hint, may_be_allowed=True)


def is_within(place: str, *folders: str) -> bool:
    """Whether a place is one of these, or lies below one."""
    return any(place == folder or place.startswith(f"{folder}/") for folder in folders)


def _checked(right: Right, asked: str, place: str, real: str, workspace: str, closed: tuple[str, ...]) -> str | Refusal:
    """The real place, where it is there and holds nothing that is closed to skills.

    It was looked up before: looked up again, a link that was put there since would be followed.
    """

    def refused(why: str, hint: str) -> Refusal:
        return Refusal(permission=right.value, asked=asked, why=why, hint=hint)

    for own in _folders_of_ours():
        if is_within(real, own) or is_within(own, real):
            return refused("what the workbench knows of you is there", "name a folder that has nothing to do with it")
    for name in closed:
        own = f"{workspace}/{name}"
        if is_within(place, own) or is_within(own, place):
            return refused(f"{name} is there", "name a folder that has nothing to do with it")
    try:
        mode = os.stat(place, follow_symlinks=False).st_mode
    except OSError as error:
        return refused(error.strerror or "it cannot be looked at", f"make {place}, or ask for another place")
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        return refused("it is neither a folder nor a file", "ask for a folder or a file")
    if right is Right.WRITE and (repository := _repository_below(place)):
        return refused(f"{repository} is in it", "name a folder that holds no repository")
    return real


def _folders_of_ours() -> tuple[str, ...]:
    """Where settings, consents and the key that signs them lie, and skills that are believed everywhere."""
    folders = (user_state_folder(os.environ), user_config_folder(os.environ), user_data_folder(os.environ))
    return tuple(os.path.realpath(folder) for folder in folders)


def _repository_below(place: str) -> str:
    """The first repository in a folder, as far as anybody looks; whoever may write there could have it run things."""
    looked_at, stack = 0, [place]
    while stack and looked_at < MOST_LOOKED_AT:
        try:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    looked_at += 1
                    if entry.name in REPOSITORIES:
                        return os.path.relpath(entry.path, place)
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
        except OSError:
            continue
    return ""
