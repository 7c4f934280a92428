"""What a skill could do to whoever starts it, by its places, its words and what it leaves.

Each has a test of its own, which prepares it, has the workbench start it on every tier and judges from outside.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trick:
    """One thing that is tried, and the test that tries it: its file and its name."""

    name: str
    file: str
    test: str


STARTS = "tests/runtime/sandbox/test_launcher.py"
AFTERWARDS = "tests/runtime/sandbox/test_launcher_afterwards.py"
BOMBS = "tests/runtime/sandbox/test_limits.py"

TRICKS = (
    Trick("a .git of its own that leads elsewhere", STARTS, "test_where_a_git_leads_elsewhere_nothing_is_made_there"),
    Trick("a place that is a link to the home folder", STARTS, "test_a_place_that_is_a_link_to_the_home_is_not_given"),
    Trick(
        "a place, or a folder around it, that becomes a link while runs start",
        STARTS,
        "test_a_folder_that_becomes_a_link_while_runs_start_leads_nowhere",
    ),
    Trick(
        "a place that is a link when the run is over",
        STARTS,
        "test_a_place_that_a_run_makes_a_link_is_not_searched_for_what_to_hold_back",
    ),
    Trick(
        "names of places such as /, ~ and ../..", STARTS, "test_names_of_places_that_mean_something_else_give_nothing"
    ),
    Trick(
        "names of places that look like options", STARTS, "test_a_place_whose_name_looks_like_an_option_is_only_a_place"
    ),
    Trick(
        "options of the sandbox among its arguments", STARTS, "test_options_among_its_arguments_are_the_commands_own"
    ),
    Trick(
        "its own program in place of a system's",
        STARTS,
        "test_a_program_of_a_skills_own_never_stands_in_for_the_systems",
    ),
    Trick(
        "variables that change what is loaded or run",
        STARTS,
        "test_variables_that_change_what_is_loaded_or_run_are_dropped",
    ),
    Trick(
        "a sandbox of its own that is found first", STARTS, "test_a_sandbox_of_its_own_that_is_found_first_is_not_used"
    ),
    Trick(
        "its own module in place of one of Python's or of ours",
        AFTERWARDS,
        "test_a_module_with_anothers_name_is_loaded_by_nobody_outside",
    ),
    Trick(
        "pipes, sockets and devices where files should be",
        AFTERWARDS,
        "test_no_reader_waits_for_a_pipe_a_socket_or_a_device",
    ),
    Trick(
        "links that take the place of what it left",
        AFTERWARDS,
        "test_what_is_taken_from_a_worker_that_swaps_it_for_a_link_is_never_anothers",
    ),
    Trick(
        "a hundred thousand files, and folders without a bottom",
        AFTERWARDS,
        "test_a_folder_of_any_size_and_depth_is_cleared_away",
    ),
    Trick(
        "an output that is closed, or held open by others",
        AFTERWARDS,
        "test_nobody_waits_for_an_output_that_others_hold_open",
    ),
    Trick(
        "bombs in JSON on a worker's channel",
        AFTERWARDS,
        "test_a_bomb_on_a_workers_channel_ends_its_own_run_alone",
    ),
    Trick(
        "being stopped, deaf, or an end to the first process",
        AFTERWARDS,
        "test_who_is_stopped_or_deaf_or_ends_the_first_process_is_ended",
    ),
    Trick(
        "bombs of memory, processes, threads, files and output",
        BOMBS,
        "test_the_limit_that_ended_a_run_is_in_its_outcome",
    ),
    Trick(
        "a terminal's clipboard, title and screen",
        "tests/cli/test_shown_live.py",
        "test_what_steers_a_terminal_does_not_reach_one",
    ),
    Trick(
        "the same of the app",
        "tests/ui/test_hostile_screen.py",
        "test_what_steers_a_terminal_is_shown_by_the_app_and_not_done",
    ),
)
