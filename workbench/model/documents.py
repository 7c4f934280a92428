"""The JSON documents that the shell, the history and the API show; their keys are a contract."""

from __future__ import annotations

import binascii
from typing import Any

from workbench.model.consent import Consent
from workbench.model.finding import Finding, Place
from workbench.model.policy import SandboxReport
from workbench.model.realm import Snapshot
from workbench.model.run import Outcome, Run, RunError
from workbench.model.skill import Skill


def finding_document(finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity.value,
        "rule": finding.rule,
        "message": finding.message,
        "file": finding.place.file,
        "line": finding.place.line or None,
        "column": finding.place.column or None,
        "hint": finding.hint,
        "fixable": finding.fixable,
    }


def skill_document(skill: Skill) -> dict[str, Any]:
    return {
        "name": skill.name,
        "version": skill.manifest.version,
        "kind": skill.kind.value if skill.kind else None,
        "scope": skill.scope.value,
        "path": skill.path,
        "digest": skill.digest,
        "state": skill.state.value,
        "revision": skill.revision or None,
        "last_good": skill.last_good or None,
        "breaker": None,
        "description": skill.manifest.description,
        "findings": [finding_document(finding) for finding in skill.findings],
    }


def snapshot_document(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "skills": [skill_document(snapshot.skills[name]) for name in sorted(snapshot.skills)],
        "shadowed": [skill_document(skill) for skill in snapshot.shadowed],
    }


def sandbox_document(report: SandboxReport) -> dict[str, Any]:
    return {
        "tier": report.tier.value,
        "layers": list(report.layers),
        "enforced": {name: str(promise) for name, promise in report.promises.items()},
    }


def error_document(error: RunError) -> dict[str, Any]:
    return {
        "kind": error.kind.value,
        "message": error.message,
        "hint": error.hint,
        "place": place_document(error.place),
        "findings": [finding_document(finding) for finding in error.findings],
    }


def place_document(place: Place | None) -> dict[str, Any] | None:
    if place is None:
        return None
    return {"file": place.file, "line": place.line or None, "column": place.column or None}


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    data = outcome.output_bytes
    return {
        "status": outcome.status.value,
        "output": outcome.output,
        "output_base64": binascii.b2a_base64(data, newline=False).decode() if data is not None else None,
        "exit_code": outcome.exit_code,
        "stderr": outcome.stderr,
        "artifacts": list(outcome.artifacts),
        "truncated": outcome.truncated,
        "error": error_document(outcome.error) if outcome.error else None,
        "limit": _limit(outcome),
        "duration_ms": round(outcome.duration_ms, 3),
        "cached": outcome.cached,
        "attempts": outcome.attempts,
        "degraded": outcome.degraded,
        "stages": [{"name": stage.name, "ms": stage.ms, "note": stage.note} for stage in outcome.stages],
        "usage": {
            "cpu_ms": outcome.usage.cpu_ms,
            "max_rss_mb": outcome.usage.max_rss_mb,
            "shared": outcome.usage.is_shared,
            "output_bytes": outcome.usage.output_bytes,
            "tokens_in": outcome.usage.tokens_in,
            "tokens_out": outcome.usage.tokens_out,
            "cost_usd": outcome.usage.cost_usd,
        },
        "sandbox": sandbox_document(outcome.sandbox) if outcome.sandbox else None,
        "contacts": [{"host": each.host, "refused": each.refused or None} for each in outcome.contacts],
        "denied": [{"what": each.what, "times": each.times} for each in outcome.denied],
        "held_back": [{"path": each.path, "kept": each.kept or None} for each in outcome.held_back],
        "needs": [consent_document(each) for each in outcome.needs],
    }


def run_document(run: Run, outcome: Outcome) -> dict[str, Any]:
    """What `workbench run --json` prints."""
    return {
        "run_id": run.id,
        "skill": run.skill.name,
        "version": run.skill.manifest.version,
        "revision": run.skill.revision or None,
        "digest": run.skill.digest,
        **outcome_document(outcome),
    }


def consent_document(consent: Consent) -> dict[str, str]:
    return {"right": consent.right.value, "value": consent.value}


def _limit(outcome: Outcome) -> dict[str, Any] | None:
    limit = outcome.limit
    return {"name": limit.name, "allowed": limit.allowed, "measured": limit.measured} if limit else None
