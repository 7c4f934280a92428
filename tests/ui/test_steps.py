"""The first steps: each way through them, and every way past one."""

from __future__ import annotations

import pytest

from workbench.ui.steps import SAMPLE, WORDS, Step, Steps


def at(step: Step) -> Steps:
    return Steps(step.value)


def test_the_whole_way_leads_from_the_first_run_to_a_skill_of_ones_own() -> None:
    steps = Steps(None)
    way = [steps.step]

    steps.ran(SAMPLE, is_ok=True, is_broken=False)
    way.append(steps.step)
    steps.reloaded(SAMPLE)
    way.append(steps.step)
    steps.broke(SAMPLE)
    way.append(steps.step)
    steps.ran(SAMPLE, is_ok=True, is_broken=True)
    way.append(steps.step)
    steps.reloaded(SAMPLE)
    way.append(steps.step)
    steps.finish()
    way.append(steps.step)

    assert way == list(Step)


def test_every_step_but_the_last_says_what_to_do() -> None:
    assert [step for step in Step if not WORDS[step]] == [Step.DONE]
    assert at(Step.MEND).words(SAMPLE) == WORDS[Step.MEND]


def test_a_save_before_the_first_run_skips_the_run() -> None:
    steps = at(Step.RUN)

    steps.reloaded(SAMPLE)

    assert steps.step is Step.BREAK


def test_breaking_it_first_skips_to_the_version_that_answers() -> None:
    steps = at(Step.RUN)

    steps.broke(SAMPLE)

    assert steps.step is Step.ANSWERED


def test_mending_it_without_having_run_it_is_the_end_too() -> None:
    steps = at(Step.ANSWERED)

    steps.reloaded(SAMPLE)

    assert steps.step is Step.NEW


def test_a_failed_run_is_no_step_forward() -> None:
    steps = at(Step.RUN)

    steps.ran(SAMPLE, is_ok=False, is_broken=False)

    assert steps.step is Step.RUN


def test_the_broken_sample_counts_as_run_even_where_its_last_good_version_fails() -> None:
    steps = at(Step.ANSWERED)

    steps.ran(SAMPLE, is_ok=False, is_broken=True)

    assert steps.step is Step.MEND


def test_what_happens_to_other_skills_leads_nowhere() -> None:
    steps = at(Step.RUN)

    steps.ran("other", is_ok=True, is_broken=False)
    steps.reloaded("other")
    steps.broke("other")

    assert steps.step is Step.RUN


@pytest.mark.parametrize("step", [Step.MEND, Step.NEW, Step.DONE])
def test_nothing_leads_back_but_beginning_again(step: Step) -> None:
    steps = at(step)

    steps.ran(SAMPLE, is_ok=True, is_broken=False)
    steps.broke(SAMPLE)
    assert steps.step is step

    steps.begin_again()
    assert steps.step is Step.RUN


@pytest.mark.parametrize("damaged", [None, "", "nowhere", 3, [], {}, ["run"], True])
def test_a_step_that_is_not_known_begins_the_way(damaged: object) -> None:
    assert Steps(damaged).step is Step.RUN


def test_with_another_skill_chosen_the_line_leads_to_the_sample() -> None:
    assert at(Step.RUN).words("of-my-own") == f"first steps: choose {SAMPLE}"
    assert at(Step.NEW).words("of-my-own") == WORDS[Step.NEW]
