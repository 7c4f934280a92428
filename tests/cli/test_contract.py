"""The command line as scripts rely on it: exit codes, one JSON document on stdout, words on stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.author import NODE, REPOSITORY, Author, needs_node
from workbench import __version__


def test_the_version_is_told(author: Author) -> None:
    said = author.calls("--version")
    assert (said.code, said.out) == (0, f"workbench {__version__}\n")


def test_a_word_that_is_no_command_suggests_the_nearest(author: Author) -> None:
    said = author.calls("lst")
    assert said.code == 2
    assert "did you mean 'list'?" in said.err


def test_without_a_terminal_the_app_says_so(author: Author) -> None:
    for arguments in ((), ("app",), (str(author.workspace),)):
        said = author.calls(*arguments)
        assert said.code == 2
        assert "needs a terminal" in said.err
        assert "workbench list" in said.err


def test_list_says_how_every_skill_stands(author: Author) -> None:
    author.has_command("good", "true")
    author.writes("bad/skill.json", "{")

    document = author.calls("list", "--json").json

    states = {skill["name"]: skill["state"] for skill in document["skills"]}
    assert (states["good"], states["bad"]) == ("ok", "broken")
    keys = {"name", "version", "kind", "scope", "path", "digest", "state", "findings", "breaker"}
    assert keys <= set(document["skills"][0])
    assert document["shadowed"] == []


def test_list_reports_what_a_nearer_skill_hides(author: Author) -> None:
    author.has_command("echo", "true")

    document = author.calls("list", "--json").json

    assert [(skill["name"], skill["scope"]) for skill in document["shadowed"]] == [("echo", "builtin")]


@pytest.mark.exhaustive
def test_reading_commands_leave_nothing_behind(author: Author) -> None:
    author.has_command("good", "true")
    home = Path(author.environ["HOME"])
    before = sorted(home.rglob("*"))
    for command in (["list"], ["show", "good"], ["validate"], ["runs"]):
        assert author.calls(*command).code == 0
    assert sorted(os.listdir(author.workspace)) == ["skills"]
    assert sorted(home.rglob("*")) == before


def test_run_prints_the_output_and_nothing_else_on_stdout(author: Author) -> None:
    author.has_command("hello", "sh", "-c", "echo out; echo err >&2")

    said = author.calls("run", "hello")

    assert (said.code, said.out, said.err) == (0, "out\n", "err\n")


def test_the_json_of_a_run_has_every_field_of_the_contract(author: Author) -> None:
    author.has_command("hello", "echo", "hi")

    document = author.calls("run", "hello", "--json").json

    assert set(document) == {
        "run_id", "skill", "version", "revision", "digest", "status", "output", "output_base64", "exit_code", "stderr",
        "artifacts", "truncated", "error", "limit", "duration_ms", "cached", "attempts", "degraded", "stages", "usage",
        "sandbox", "contacts", "denied", "held_back", "needs",
    }  # fmt: skip
    assert document["status"] == "completed"
    assert {stage["name"] for stage in document["stages"]} >= {"inputs", "deadline", "outputs", "run"}
    assert document["sandbox"]["tier"] in ("A+", "A", "B", "D")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("run", "fails"), 1),
        (("run", "nowhere"), 2),
        (("run", "absent"), 3),
        (("run", "guide"), 3),
        (("run", "hello", "--input", "{"), 2),
        (("run", "hello", "--input", "[1]"), 2),
        (("run", "hello", "--input-file", "nowhere.json"), 2),
        (("run", "hello", "-i", "no-equals"), 2),
        (("run", "hello", "--nonsense"), 2),
        (("run", "hello@9.9.9"), 2),
        (("run", "hello@r77"), 2),
        (("run", "broken"), 1),
        (("validate", "broken"), 1),
        (("validate", "hello"), 0),
        (("validate", "nowhere"), 2),
        (("show", "nowhere"), 2),
        (("schema", "nowhere"), 2),
        (("list", "--workspace", "/nowhere/at/all"), 2),
    ],
)
def test_the_exit_code_says_what_sort_of_thing_went_wrong(
    author: Author, arguments: tuple[str, ...], code: int
) -> None:
    author.has_command("hello", "echo", "hi")
    author.has_command("fails", "false")
    author.has_command("absent", "no-such-program")
    author.writes("guide/SKILL.md", "---\nname: guide\ndescription: Guides. Use it when lost.\n---\n\nGo left.\n")
    author.writes("broken/skill.json", "{")

    plain = author.calls(*arguments)
    as_json = author.calls(*arguments, "--json")

    assert plain.code == as_json.code == code, plain.err
    assert "Traceback" not in plain.err + as_json.err
    document = json.loads(as_json.out)
    if code == 2:
        assert set(document["error"]) == {"kind", "message", "hint"}
        assert document["error"]["hint"]


def test_inputs_come_from_every_door(author: Author) -> None:
    parameters = [
        {"name": "text"},
        {"name": "times", "type": "integer", "default": 1},
        {"name": "loud", "type": "boolean"},
    ]
    author.has_command("say", "echo", "{text}", "{times}", "{loud}", parameters=parameters)
    (author.workspace / "in.json").write_text('{"text": "file", "loud": false}')

    assert author.calls("run", "say", "-i", "text=42", "-i", "times=3", "-i", "loud=true").out == "42 3 true\n"
    assert author.calls("run", "say", "--input", '{"text": "json", "loud": true}').out == "json 1 true\n"
    assert author.calls("run", "say", "--input-file", "in.json", "-i", "times=2").out == "file 2 false\n"
    assert author.calls("run", "say", "--input-file", "-", given='{"text": "x", "loud": true}').out == "x 1 true\n"


@pytest.mark.exhaustive
def test_a_broken_skill_answers_with_its_last_good_revision_and_says_so(author: Author) -> None:
    author.has_command("greet", "echo", "hello")
    assert author.calls("run", "greet").out == "hello\n"
    author.writes("greet/skill.json", '{"name": "greet",}')

    said = author.calls("run", "greet")
    document = author.calls("run", "greet", "--json").json

    assert (said.code, said.out) == (0, "hello\n")
    assert "greet/skill.json:1:" in said.err
    assert "last good revision r1 answered" in said.err
    assert document["revision"] == 1


@pytest.mark.exhaustive
def test_runs_come_newest_first_and_as_many_as_asked(author: Author) -> None:
    author.has_command("one", "true")
    author.has_command("two", "false")
    for name in ("one", "two", "one"):
        author.calls("run", name)

    listed = author.calls("runs", "--json").json["runs"]
    assert [run["skill"] for run in listed] == ["one", "two", "one"]
    assert listed[0]["started_at"] > listed[1]["started_at"] > listed[2]["started_at"]
    assert all(run["duration_ms"] > 0 for run in listed)
    assert len(author.calls("runs", "--limit", "2", "--json").json["runs"]) == 2
    assert [run["skill"] for run in author.calls("runs", "--failed", "--json").json["runs"]] == ["two"]
    assert [run["skill"] for run in author.calls("runs", "two", "--json").json["runs"]] == ["two"]


@pytest.mark.exhaustive
def test_one_run_is_told_whole_by_its_id(author: Author) -> None:
    author.has_command("hello", "echo", "{text}", parameters=[{"name": "text"}])
    run_id = author.calls("run", "hello", "-i", "text=hi", "--json").json["run_id"]

    told = author.calls("runs", run_id).json

    assert (told["inputs"], told["output"], told["status"]) == ({"text": "hi"}, "hi\n", "completed")
    assert author.calls("runs", "helo").code == 2
    assert author.calls("runs", "--limit", "0").code == 2


@pytest.mark.exhaustive
def test_a_skill_can_be_named_by_its_folder_or_file(author: Author) -> None:
    author.has_command("hello", "echo", "hi")

    for ref in ("skills/hello", "skills/hello/skill.json", f"{author.skills}/hello"):
        assert author.calls("run", ref).out == "hi\n"


@pytest.mark.exhaustive
def test_a_broken_skills_last_good_revision_lends_its_example_and_is_named(author: Author) -> None:
    author.has_command("greet", "echo", "{who}", parameters=[{"name": "who"}], example={"who": "Ada"})
    author.calls("run", "greet", "--example")
    author.writes("greet/skill.json", "{")

    said = author.calls("run", "greet", "--example")
    listed = author.calls("list").out

    assert (said.code, said.out) == (0, "Ada\n")
    assert "r1 goes on answering" in listed
    assert "/rev/" not in said.err


@pytest.mark.exhaustive
def test_a_folders_own_skills_are_not_taken_for_anothers(author: Author) -> None:
    (author.workspace / ".workbench").mkdir()
    inner = author.workspace / "inner"
    (inner / "skills").mkdir(parents=True)
    stray = author.workspace / "stray"
    stray.mkdir()
    (author.workspace / "skills" / "deep").mkdir()

    assert author.calls("doctor", "--json", cwd=inner).json["workspace"] == str(inner)
    assert author.calls("doctor", "--json", cwd=stray).json["workspace"] == str(author.workspace)
    (author.workspace / ".workbench").rmdir()
    assert author.calls("doctor", "--json", cwd=stray).json["workspace"] == str(stray)


@pytest.mark.exhaustive
def test_a_polite_end_is_heeded_also_where_interrupts_are_not(author: Author) -> None:
    author.has_command("naps", "sleep", "60")
    script = 'trap "" INT; exec "$0" -m workbench run naps'
    process = subprocess.Popen(
        ["sh", "-c", script, sys.executable],
        cwd=author.workspace,
        env={**author.environ, "PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE,
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.5)
    process.terminate()
    _, words = process.communicate(timeout=10)

    assert process.returncode == 130
    assert b"Traceback" not in words


def test_more_roots_can_be_named_in_the_settings(author: Author) -> None:
    more = author.workspace / "more" / "extra"
    more.mkdir(parents=True)
    manifest = {"name": "extra", "version": "1.0.0", "description": "x", "type": "code_inline", "command": "true"}
    (more / "skill.json").write_text(json.dumps(manifest))
    (author.workspace / "workbench.toml").write_text('[skills]\nbuiltin_paths = ["more"]\n')

    scopes = {skill["name"]: skill["scope"] for skill in author.calls("list", "--json").json["skills"]}

    assert scopes["extra"] == "builtin"


def test_reloading_can_be_switched_off(author: Author) -> None:
    said = author.calls("watch", environ={"WORKBENCH_SKILLS_HOT_RELOAD_ENABLED": "false"})
    assert said.code == 2
    assert "hot_reload_enabled = true" in said.err


@pytest.mark.exhaustive
def test_a_revision_can_be_named(author: Author) -> None:
    author.has_command("greet", "echo", "first")
    author.calls("run", "greet")
    author.has_command("greet", "echo", "second")

    assert author.calls("run", "greet").out == "second\n"
    assert author.calls("run", "greet@r1").out == "first\n"


def test_escape_sequences_in_names_and_findings_do_not_reach_the_terminal(author: Author) -> None:
    author.writes(
        "evil/skill.json", {"name": "evil", "type": "code_inline", "command": "true", "description": "\x1b]0;x\x07"}
    )
    author.writes("evil2/skill.json", '{"type": "\x1b[31m"}')

    for command in ("list", "validate"):
        said = author.calls(command)
        assert "\x1b" not in said.out + said.err


def test_two_workbenches_on_one_workspace_both_work(author: Author) -> None:
    author.has_command("greet", "echo", "hi")
    command = [sys.executable, "-m", "workbench", "run", "greet"]
    environ = {**author.environ, "PYTHONPATH": str(REPOSITORY)}
    both = [
        subprocess.Popen(command, cwd=author.workspace, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    assert [process.communicate(timeout=25)[0] for process in both] == [b"hi\n"] * 4

    runs = author.calls("runs", "--json").json["runs"]
    assert [run["status"] for run in runs] == ["completed"] * 4
    assert {run["revision"] for run in runs} == {1}


@pytest.mark.exhaustive
@pytest.mark.skipif(os.getuid() != 0, reason="a read-only mount needs root")
def test_a_read_only_workspace_still_lists_shows_validates_and_runs(author: Author, tmp_path: Path) -> None:
    author.has_command("greet", "echo", "hi")
    script = (
        'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && cd "$1" || exit 77\n'
        'for c in list "show greet" validate "run greet"; do "$2" -m workbench $c || exit 1; done\n'
        '"$2" -m workbench new fresh; echo "new: $?"'
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(author.workspace), sys.executable],
        env={**author.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("this machine cannot mount")
    assert done.stdout.endswith("hi\nnew: 3\n"), done.stderr
    assert os.listdir(author.workspace) == ["skills"]
    assert (Path(author.environ["HOME"]) / ".local/state/skill-workbench").is_dir()


@pytest.mark.skipif(os.getuid() != 0, reason="a small disk needs a mount, and that needs root")
@pytest.mark.parametrize("size", ["16k", "200k", "400k"])
def test_a_full_disk_is_said_exits_3_and_loses_nothing(author: Author, size: str) -> None:
    author.has_command("greet", "echo", "hi")
    author.writes("greet/ballast.bin", os.urandom(300_000))
    script = (
        'mkdir -p "$1/.workbench" && mount -t tmpfs -o size=$3 none "$1/.workbench" || exit 77\n'
        'cd "$1" && "$2" -m workbench run greet; echo "run: $?"; "$2" -m workbench list >/dev/null; echo "list: $?"'
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(author.workspace), sys.executable, size],
        env={**author.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("this machine cannot mount")
    assert done.stdout == "run: 3\nlist: 0\n", done.stderr
    assert "free some space" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_names_its_file_and_the_nearest_key(author: Author) -> None:
    (author.workspace / "workbench.toml").write_text("[security]\nmax_memory_mbb = 3\n")

    said = author.calls("list")

    assert said.code == 2
    assert "workbench.toml: security: unknown key 'max_memory_mbb'" in said.err
    assert "did you mean 'max_memory_mb'?" in said.err


def test_doctor_says_what_is_enforced_and_by_what(author: Author) -> None:
    document = author.calls("doctor", "--json").json

    enforced = document["sandbox"]["enforced"]["python"]
    assert {"read", "write", "network", "spawn", "memory", "cpu", "time", "output"} <= set(enforced)
    assert document["sandbox"]["probes"][-1]["holds"]


@pytest.mark.exhaustive
@needs_node
def test_doctor_says_where_node_is_and_without_it_what_to_install(author: Author) -> None:
    assert author.calls("doctor", "--json").json["programs"]["node"] == NODE
    said = author.calls("doctor", environ={"PATH": "/nowhere"})
    assert "– not here: install Node.js 18 or newer" in said.out


def test_without_node_a_node_skill_ends_with_3_and_says_what_to_install(author: Author) -> None:
    author.has_module("runs", "return 1;")
    said = author.calls("run", "runs", environ={"PATH": "/nowhere"})
    assert said.code == 3
    assert "the program 'node' is not here" in said.err
    assert "install Node.js 18 or newer" in said.err


def test_without_bubblewrap_doctor_says_so_and_the_next_tier_holds(author: Author) -> None:
    nowhere = {"WORKBENCH_SECURITY_BUBBLEWRAP": "/nowhere/bwrap", "WORKBENCH_SECURITY_STRONGEST_TIER": "A+"}
    document = author.calls("doctor", "--json", environ=nowhere).json

    assert "install bubblewrap" in document["sandbox"]["probes"][0]["why_not"]
    assert document["sandbox"]["tier"] in ("B", "D")


def test_the_schema_is_one_that_editors_can_use(author: Author) -> None:
    schema = author.calls("schema").json
    assert schema["$schema"].endswith("2020-12/schema")
    assert {"name", "type", "command", "security"} <= set(schema["properties"])
