"""Semantic versions as skills write them, and how they compare."""

from __future__ import annotations

import re
from functools import total_ordering

from workbench.model.frozen import frozen

_PATTERN = re.compile(
    r"v?(?P<numbers>[0-9]{1,9}(?:\.[0-9]{1,9}){0,2})"
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+(?P<build>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?",
    re.ASCII,
)


@total_ordering
@frozen
class Version:
    """major.minor.patch with an optional pre-release; build metadata is carried but never compared."""

    major: int = 0
    minor: int = 0
    patch: int = 0
    pre: tuple[str, ...] = ()
    build: str = ""

    @property
    def numbers(self) -> tuple[int, int, int]:
        return self.major, self.minor, self.patch

    def __str__(self) -> str:
        pre = f"-{'.'.join(self.pre)}" if self.pre else ""
        build = f"+{self.build}" if self.build else ""
        return f"{self.major}.{self.minor}.{self.patch}{pre}{build}"

    def __lt__(self, other: object) -> bool:
        return self._key() < other._key() if isinstance(other, Version) else NotImplemented

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[tuple[int, int, int], bool, tuple[tuple[bool, int, str], ...]]:
        pre = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in self.pre)
        return self.numbers, not self.pre, pre


def parse_version(text: str) -> Version | None:
    """The version that a text names, or None; '1' and '1.2' are filled with zeros."""
    match = _PATTERN.fullmatch(text.strip()) if len(text) <= 256 else None
    if match is None:
        return None
    numbers = [int(part) for part in match["numbers"].split(".")]
    numbers += [0] * (3 - len(numbers))
    pre = tuple(match["pre"].split(".")) if match["pre"] else ()
    return Version(major=numbers[0], minor=numbers[1], patch=numbers[2], pre=pre, build=match["build"] or "")


def satisfies(version: Version, wanted: str) -> bool:
    """Whether a version is what `1.2.3`, `1.2` (any 1.2.x), `^1.2` or `~1.2` asks for, read as npm reads them.

    A pre-release answers only where its own numbers are asked for with a pre-release.
    """
    sign = wanted[0] if wanted[:1] in ("^", "~") else ""
    lowest = parse_version(wanted[len(sign) :])
    if lowest is None:
        return False
    if version.pre and not (lowest.pre and version.numbers == lowest.numbers):
        return False
    given = re.split(r"[-+]", wanted)[0].count(".") + 1
    if not sign and given == 3:
        return version == lowest
    kept = given
    if sign == "~":
        kept = min(given, 2)
    elif sign == "^":
        kept = next((count for count, number in enumerate(lowest.numbers[:given], 1) if number), given)
    return version.numbers[:kept] == lowest.numbers[:kept] and version >= lowest
