"""What a run did beyond its answer, as far as the walls can tell."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from workbench.model.frozen import field, frozen
from workbench.model.policy import Permissions
from workbench.model.words import duration

ENOUGH_RUNS = 5
"""So many are looked at before it is said that something was never used."""


@frozen
class Contact:
    """One host that a run asked for; where it was refused, why, and what would have to be listed."""

    host: str
    refused: str = ""
    needs: str = ""


@frozen
class Denied:
    """Something that the walls refused a run while it went on, and how often."""

    what: str
    times: int

    def __str__(self) -> str:
        return f"{self.what} ×{self.times}"


NETWORK, PROCESS = "internet socket", "process"
_REMEDIES = {
    NETWORK: "list the hosts that it needs in security.permissions.network_access",
    PROCESS: "say `process_spawn: true` in security.permissions, if it is to start some",
}
_NO_HOSTS = "no skill is given hosts without namespaces: `workbench doctor` says what they take"


def remedy_of(denied: Collection[Denied], *, gives_hosts: bool = True) -> str:
    """What to write so that the next run is not refused the same, or what is missing here; nothing if nothing helps."""
    known = _REMEDIES if gives_hosts else {**_REMEDIES, NETWORK: _NO_HOSTS}
    remedies = [remedy for what, remedy in known.items() if any(each.what == what for each in denied)]
    said = f"the walls refused it {', '.join(map(str, denied))}: {'; '.join(remedies)}"
    return said if remedies else ""


@frozen
class Observed:
    """What the last runs of a skill did, taken together; a mapping counts runs."""

    runs: int = 0
    reached: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    denied: Mapping[str, int] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)
    most_memory_mb: float | None = None
    most_cpu_ms: float | None = None
    most_output_bytes: int | None = None
    longest_ms: float | None = None
    most_files_left: int = 0

    def differences(self, permissions: Permissions) -> Iterator[str]:
        """Where what it did is not what its manifest says."""
        for host, count in self.refused.items():
            yield f"asked for {host} in {count} of {self.runs} runs, and its manifest does not list it"
        if self.denied.get(NETWORK) and not permissions.network_access:
            yield f"tried the network in {self.denied[NETWORK]} of {self.runs} runs, and its manifest asks for none"
        if self.denied.get(PROCESS):
            times = self.denied[PROCESS]
            yield f"tried to start processes in {times} of {self.runs} runs, and its manifest does not say so"
        listed = permissions.network_access if isinstance(permissions.network_access, tuple) else ()
        if self.runs >= ENOUGH_RUNS:
            for host in listed:
                if host not in self.reached:
                    yield f"lists {host}, and asked for it in none of {self.runs} runs"
            if permissions.network_access is True and not self.reached:
                yield f"asks for the whole network, and talked to nobody in {self.runs} runs"

    def facts(self) -> Iterator[tuple[str, str]]:
        """What there is to say, a name and a few words each; nothing of what is not known."""
        for name, counts in (
            ("talked to", self.reached),
            ("was refused", self.refused),
            ("was denied", self.denied),
            ("ended by", self.limits),
            ("failed with", self.errors),
        ):
            if counts:
                yield name, " · ".join(f"{what} ×{count}" for what, count in counts.items())
        if self.most_memory_mb is not None:
            yield "memory", f"at most {self.most_memory_mb:g} MB"
        if self.most_cpu_ms is not None:
            yield "processor", f"at most {duration(self.most_cpu_ms)}"
        if self.longest_ms is not None:
            yield "time", f"at most {duration(self.longest_ms)}"
        if self.most_output_bytes is not None:
            yield "output", f"at most {self.most_output_bytes:,} bytes"
        if self.most_files_left:
            yield "files left", f"at most {self.most_files_left:,}"
