"""Panes fit themselves to any terminal, and no drag or key makes one too small to be used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.author import Author
from tests.ui.eyes import opened
from workbench.ui.frame import resize_pane, switch_maximised
from workbench.ui.layout import LEAST_EDITOR, LEAST_HEIGHT, LEAST_WIDTH, NARROW, PANES, Layout, layout_from
from workbench.ui.widgets.divider import Divider

sizes = st.integers(-10, 2_000)
layouts = st.builds(Layout, skills=sizes, run=sizes, lower=sizes)
DIVIDERS = ("right-of-skills", "left-of-run", "lower-names")
# The line of the workspace, of the lower panes, of what was said, of the keys; and one line of a pane.
AROUND = 5


@given(layouts, st.integers(NARROW, 500), st.integers(11, 200))
def test_where_there_is_room_every_pane_keeps_its_least_size(layout: Layout, width: int, height: int) -> None:
    fitted = layout.fitted(width, height)

    assert fitted.skills >= LEAST_WIDTH
    assert fitted.run >= LEAST_WIDTH
    assert width - fitted.skills - fitted.run - 2 >= LEAST_EDITOR
    assert LEAST_HEIGHT <= fitted.lower <= height - AROUND


@given(layouts, st.integers(-5, 75), st.integers(-5, 10))
def test_where_there_is_no_room_the_sizes_are_still_sizes(layout: Layout, width: int, height: int) -> None:
    fitted = layout.fitted(width, height)

    assert fitted.skills >= LEAST_WIDTH
    assert fitted.run >= LEAST_WIDTH
    assert fitted.lower >= LEAST_HEIGHT


@given(layouts, st.integers(1, 500), st.integers(1, 200))
def test_what_fits_stays_as_it_is(layout: Layout, width: int, height: int) -> None:
    fitted = layout.fitted(width, height)

    assert fitted.fitted(width, height) == fitted


@given(st.lists(st.tuples(st.sampled_from(PANES), st.sampled_from((-1, 0, 1)), st.sampled_from((-1, 0, 1)))))
def test_no_number_of_steps_makes_a_pane_smaller_than_it_may_be(steps: list[tuple[str, int, int]]) -> None:
    layout = Layout()
    for pane, wider, taller in steps:
        layout = layout.resized(pane, wider, taller)

    assert min(layout.skills, layout.run) >= LEAST_WIDTH
    assert layout.lower >= LEAST_HEIGHT


@given(st.lists(st.tuples(st.sampled_from(DIVIDERS), sizes, sizes, st.tuples(sizes, sizes, sizes))))
def test_no_drag_makes_a_pane_smaller_than_it_may_be(
    drags: list[tuple[str, int, int, tuple[int, int, int]]],
) -> None:
    layout = Layout()
    for divider, right, down, shown in drags:
        layout = layout.dragged(divider, right, down, shown)

    assert min(layout.skills, layout.run) >= LEAST_WIDTH
    assert layout.lower >= LEAST_HEIGHT


def test_the_editor_grows_by_what_the_run_pane_loses() -> None:
    assert Layout().resized("editor", 1, 0).run < Layout().run
    assert Layout().resized("run", 1, 0).run > Layout().run
    assert Layout().resized("log", 0, 1).lower > Layout().lower > Layout().resized("skills", 0, 1).lower


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_whatever_was_remembered_is_a_layout(document: object) -> None:
    assert layout_from(document) == Layout()
    for name in ("skills", "run", "lower", "below"):
        layout_from({name: document}).fitted(120, 40)


@pytest.mark.parametrize("size", [True, 0, -4, 1000, 10**40, 30.0, "30", None])
def test_a_remembered_size_that_is_none_is_the_usual_one(size: object) -> None:
    assert layout_from({"skills": size, "run": size, "lower": size}) == Layout()


@given(layouts.map(lambda layout: layout.fitted(200, 60)), st.sampled_from(("log", "problems")))
def test_what_is_written_down_is_what_comes_back(layout: Layout, below: str) -> None:
    document = {**layout.document(), "below": below}

    assert layout_from(document).document() == document


@pytest.mark.exhaustive
@pytest.mark.anyio
@pytest.mark.timeout(60)
async def test_a_dragged_divider_is_where_it_was_put_after_the_next_start(author: Author) -> None:
    async with opened(author) as eyes:
        app = eyes.app
        app.post_message(Divider.Dragged(app.query_one("#right-of-skills", Divider), -6, 0))
        await eyes.until(lambda: app.skills_pane.size.width == 28, "28 cells of skills")
        app.post_message(Divider.Dragged(app.query_one("#left-of-run", Divider), 500, 0))
        await eyes.until(lambda: app.run_pane.size.width == LEAST_WIDTH, "the least run pane")
        await app.do("app.quit")

    async with opened(author) as eyes:
        assert eyes.app.skills_pane.size.width == 28
        assert eyes.app.run_pane.size.width == LEAST_WIDTH


@pytest.mark.exhaustive
@pytest.mark.anyio
@pytest.mark.timeout(60)
async def test_the_editor_keeps_its_least_width_however_wide_the_others_are_made(author: Author) -> None:
    async with opened(author, size=(NARROW, 30)) as eyes:
        for pane in ("skills", "run"):
            eyes.app.go_to(pane)
            resize_pane(eyes.app, wider=50)
        await eyes.until(lambda: eyes.app.run_pane.size.width < 44, "less of the run pane")

        assert eyes.app.editor.size.width >= LEAST_EDITOR


@pytest.mark.anyio
@pytest.mark.timeout(60)
async def test_a_pane_that_fills_the_screen_takes_its_width_and_lays_its_text_out_again(author: Author) -> None:
    author.has_command("aaa", "echo", " ".join(f"word{number}" for number in range(99)))

    async with opened(author, size=(140, 40)) as eyes:
        await eyes.press("enter", "3")
        await eyes.see("✓ completed", "word98")
        await eyes.pilot.resize_terminal(90, 40)
        text = await eyes.see("word0 word1 word2 word3 word4 word5 word6 word7 word8 word9 word10 word11")
        assert "2 Editor   aaa" not in text
        await eyes.pilot.resize_terminal(140, 40)
        await eyes.until(lambda: eyes.app.run_pane.size.width == Layout().run, "the width of a column again")
        await eyes.see("word0 word1 word2 word3 word4 word5 word6  ")
        switch_maximised(eyes.app)
        await eyes.see(" ".join(f"word{number}" for number in range(18)))
        eyes.app.go_to("skills")
        await eyes.until(lambda: eyes.app.skills_pane.size.width == 140, "the skills on the whole screen")
