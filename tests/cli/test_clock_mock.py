"""Cases at a time of their own: every door of the standard library tells it, and nothing else changes."""

from __future__ import annotations

import json

import pytest

from tests.author import Author

NOW = "2026-01-02T03:04:05Z"
SECONDS = 1767323045

BODY = """
import copy, pickle, time
from time import time as early
before = time.monotonic()
time.sleep(0.01)
now = datetime.now(timezone.utc)
class Own(date):
    pass
checks = {
    "time": time.time() == early() == SECONDS,
    "time_ns": time.time_ns() == SECONDS * 10**9,
    "realtime": time.clock_gettime(time.CLOCK_REALTIME) == SECONDS,
    "gmtime": time.gmtime()[:6] == (2026, 1, 2, 3, 4, 5) and time.gmtime(0).tm_year == 1970,
    "strftime": time.strftime("%Y") == "2026" and time.strftime("%Y", time.gmtime(0)) == "1970",
    "ctime": time.ctime() == time.ctime(SECONDS) == time.asctime(),
    "now": now.isoformat() == "2026-01-02T03:04:05+00:00",
    "local": datetime.now() == datetime.today() == datetime.fromtimestamp(SECONDS),
    "utcnow": datetime.utcnow() == datetime(2026, 1, 2, 3, 4, 5),
    "today": date.today() == datetime.fromtimestamp(SECONDS).date(),
    "monotonic": time.monotonic() - before >= 0.01,
    "instances": isinstance(now, date) and isinstance(now.date(), date) and not isinstance(now.date(), datetime),
    "subclasses": issubclass(datetime, date) and not issubclass(date, datetime),
    "own": isinstance(Own.today(), Own) and not isinstance(date.today(), Own),
    "sums": isinstance(now + timedelta(days=1), datetime) and (now + timedelta(days=1)).day == 3,
    "shown": repr(datetime(2026, 1, 2)) == "datetime.datetime(2026, 1, 2, 0, 0)",
    "read": datetime.strptime("2026", "%Y") == datetime.fromisoformat("2026-01-01"),
    "copied": copy.deepcopy(now) == pickle.loads(pickle.dumps(now)) == now,
    "zones": datetime.now(ZoneInfo("UTC")) == now,
    "sorted": sorted([now, now - timedelta(1)])[1] is now,
}
return sorted(name for name, holds in checks.items() if not holds)
"""


def has_clock(author: Author) -> None:
    author.has_function("when", BODY.strip().replace("SECONDS", str(SECONDS)))
    path = author.skills / "when/skill.py"
    imports = "from datetime import date, datetime, timedelta, timezone\nfrom zoneinfo import ZoneInfo\n"
    author.saves("when/skill.py", imports + path.read_text())


@pytest.mark.parametrize("clock", [f'"{NOW}"', NOW, SECONDS, float(SECONDS), '"2026-01-02T05:04:05+02:00"'])
def test_a_python_skill_finds_the_time_of_its_case_wherever_it_asks(author: Author, clock: object) -> None:
    has_clock(author)
    author.writes("when/tests/a.yaml", f"cases:\n  - name: then\n    clock: {clock}\n    expect: {{output: []}}\n")
    said = author.calls("test", "when")
    assert said.code == 0, said.out


@pytest.mark.exhaustive
def test_only_the_case_that_says_so_has_another_clock_and_each_has_its_own(author: Author) -> None:
    author.has_function("year", "return time.gmtime().tm_year, began")
    source = (author.skills / "year/skill.py").read_text()
    author.saves("year/skill.py", f"import time\nbegan = time.gmtime().tm_year\n{source}")
    author.writes(
        "year/tests/a.yaml",
        "cases:\n"
        "  - {name: first, clock: 0, expect: {output: [1970, 1970]}}\n"
        "  - {name: second, clock: 2999-12-31, expect: {output: [2999, 2999]}}\n"
        "  - {name: last, clock: 253402214400, expect: {output: [9999, 9999]}}\n"
        "  - {name: now, expect: {schema: {items: {type: integer, minimum: 2024, maximum: 2500}}}}\n"
        "  - {name: first again, clock: 0, expect: {output: [1970, 1970]}}\n",
    )
    said = author.calls("test", "year")
    assert said.code == 0, said.out
    assert 2024 <= json.loads(author.calls("run", "year").out)[0] < 2500


def test_a_module_of_the_skill_may_have_the_name_of_ours(author: Author) -> None:
    author.has_function("own", "import trial, time\nreturn trial.NAME, time.gmtime().tm_year")
    author.writes("own/trial.py", "NAME = 'mine'\n")
    author.writes("own/tests/a.yaml", "cases: [{name: a, clock: 0, expect: {output: [mine, 1970]}}]\n")
    said = author.calls("test", "own")
    assert said.code == 0, said.out


@pytest.mark.parametrize(
    ("clock", "words"),
    [
        ("yesterday", "'yesterday' is no time: write it as 2026-01-02T03:04:05Z"),
        ("-1", "the clock goes from 1970 to 9999"),
        ("1e99", "the clock goes from 1970 to 9999"),
        ("0001-01-01", "the clock goes from 1970 to 9999"),
        ("0001-01-01T00:00:00+14:00", "the clock goes from 1970 to 9999"),
        (".nan", "'.nan' is no time"),
        ("true", "true"),
        ("[1]", "clock"),
    ],
)
def test_a_clock_that_cannot_be_is_told_at_its_line(author: Author, clock: str, words: str) -> None:
    author.has_function("when", "return 1")
    author.writes("when/tests/a.yaml", f"cases:\n  - name: a\n    clock: {clock}\n")
    said = author.calls("test", "when", "--json")
    [finding] = said.json["skills"][0]["findings"]
    assert (said.code, finding["line"]) == (1, 3)
    assert words in finding["message"]


def test_what_has_no_clock_says_so_and_is_red_whatever_is_expected(author: Author) -> None:
    author.has_command("shell", "date")
    author.writes("shell/tests/a.yaml", "cases: [{name: a, clock: 0, expect: {status: failed}}]\n")
    prompt = {"name": "text", "version": "1.0.0", "description": "text", "type": "prompt_inline", "prompt": "now"}
    author.writes("text/skill.json", prompt)
    author.writes("text/tests/a.yaml", "cases: [{name: a, clock: 0}]\n")
    said = author.calls("test")
    assert said.code == 1
    assert "code_inline has no clock that a test can set, only python has: leave `clock` out" in said.out
    assert "prompt_inline has no clock" in said.out


@pytest.mark.exhaustive
def test_a_python_test_sets_the_clock_of_a_run(author: Author) -> None:
    author.has_function("year", "import time\nreturn time.gmtime().tm_year")
    author.writes(
        "year/tests/test_year.py",
        "import time\n\n"
        "def test_year(skill):\n"
        f"    assert skill.run(clock='{NOW}').output == 2026\n"
        "    assert skill.run(clock=0).output == 1970\n"
        "    assert skill.run().output == time.gmtime().tm_year\n",
    )
    said = author.calls("test")
    assert said.code == 0, said.out
