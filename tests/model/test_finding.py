from __future__ import annotations

import pytest

from workbench.model.finding import Finding, Place, Severity, breaks, printable, score


def finding(severity: Severity, rule: str = "some.rule", message: str = "wrong", hint: str = "") -> Finding:
    return Finding(severity=severity, rule=rule, message=message, place=Place(file="a/skill.json"), hint=hint)


def test_a_place_reads_as_editors_write_it() -> None:
    assert str(Place(file="a/skill.json", line=4, column=3)) == "a/skill.json:4:3"
    assert str(Place(file="a/skill.json", line=4)) == "a/skill.json:4"
    assert str(Place(file="a/skill.json")) == "a/skill.json"


def test_a_finding_says_what_is_wrong_where_and_what_to_do() -> None:
    place = Place(file="summarise/skill.json", line=4, column=3)
    told = Finding(
        severity=Severity.ERROR, rule="key", message="unknown key 'commnd'", place=place, hint="did you mean 'command'?"
    )

    assert str(told) == "summarise/skill.json:4:3  unknown key 'commnd'  (did you mean 'command'?)"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("größe – 大きさ", "größe – 大きさ"),
        ("red\x1b[31m", "red\\x1b[31m"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("zero\0", "zero\\x00"),
        ("c1\x9b31m", "c1\\x9b31m"),
        ("right\u202eto left", "right\\u202eto left"),
        ("half\udcff", "half\\udcff"),
    ],
)
def test_a_text_is_shown_without_what_could_steer_a_terminal(raw: str, shown: str) -> None:
    assert printable(raw) == shown


def test_the_words_of_a_finding_cannot_steer_a_terminal() -> None:
    told = finding(Severity.ERROR, message="'a\x1b[2J' is no name", hint="remove\nit")

    assert told.message == "'a\\x1b[2J' is no name"
    assert told.hint == "remove\\nit"
    assert str(Place(file="a\nb\udcff", line=1)) == "a\\nb\\udcff:1"


def test_only_critical_and_error_break_a_skill() -> None:
    assert breaks([finding(Severity.ERROR)])
    assert breaks([finding(Severity.INFO), finding(Severity.CRITICAL)])
    assert not breaks([finding(Severity.WARNING), finding(Severity.INFO)])
    assert not breaks([])


def test_the_score_counts_each_rule_once_by_its_worst_finding() -> None:
    many = [finding(Severity.WARNING, "a"), finding(Severity.INFO, "a"), finding(Severity.WARNING, "a")]

    assert score([]) == 100
    assert score(many) == 92
    assert score([*many, finding(Severity.INFO, "b")]) == 91
    assert score([finding(Severity.CRITICAL, rule) for rule in "abc"]) == 0
