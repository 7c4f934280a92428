"""The log on the screen, driven by keys, read as text: it follows, it holds still, it bears floods and strangers."""

from __future__ import annotations

import anyio
import pytest
from textual.events import MouseScrollDown, MouseScrollUp

from tests.ui.log_reader import LogApp, line, lines, opened
from workbench.ui.logbook import Logbook
from workbench.ui.sieve import LogFilter

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


async def test_a_line_is_its_time_topic_skill_and_words() -> None:
    async with opened([line("r40 → r41"), line("started", topic="run", skill="")]) as reader:
        shown = await reader.see("started")

    assert shown[:2] == [
        " 14:02:11  reload    summarise       r40 → r41",
        "▌14:02:11  run                       started",
    ]


async def test_nothing_said_is_said() -> None:
    async with opened() as reader:
        await reader.see("nothing has been said yet")


async def test_new_lines_come_into_sight_until_somebody_looks_up_and_again_from_the_end_on() -> None:
    async with opened(lines(0, 1_000)) as reader:
        await reader.see("line 999.")
        reader.view.add(lines(1_000, 1_001))
        await reader.see("line 1000.")

        await reader.press("up")
        assert not reader.follows()
        before = reader.words
        reader.view.add(lines(1_001, 2_000))
        await reader.until(lambda: reader.view.count == 2_000)
        await reader.settle()
        assert reader.words == before

        await reader.press("end")
        assert reader.follows()
        await reader.see("line 1999.")
        reader.view.add(lines(2_000, 3_000))
        await reader.see("line 2999.")


async def test_every_key_goes_where_it_says() -> None:
    async with opened(lines(0, 500), size=(80, 20)) as reader:
        await reader.see("line 499.")
        places = []
        for key in ("home", "down", "j", "k", "up", "up", "pagedown", "pageup", "G", "g", "end", "pageup", "pagedown"):
            await reader.press(key)
            places.append(reader.view.cursor)
            await reader.see(f"▌14:02:11  reload    summarise   {'✕ ' * (places[-1] % 100 == 0)}line {places[-1]}.")

    assert places == [0, 1, 2, 1, 0, 0, 19, 0, 499, 0, 499, 480, 499]


async def test_the_wheel_pauses_and_at_the_end_follows() -> None:
    async with opened(lines(0, 500), size=(80, 20)) as reader:
        await reader.see("line 499.")
        await reader.turn_wheel(MouseScrollUp)
        assert not reader.follows()
        assert "line 499." not in reader.words
        reader.view.add(lines(500, 502))
        await reader.until(lambda: reader.view.count == 502)
        for _ in range(5):
            await reader.turn_wheel(MouseScrollDown)
        assert reader.follows()
        reader.view.add(lines(502, 600))
        await reader.see("line 599.")


async def test_the_scrollbar_says_where_one_is() -> None:
    async with opened(lines(0, 200), size=(80, 20)) as reader:
        bar = reader.view.vertical_scrollbar
        await reader.press("home")
        await reader.until(lambda: bar.position == 0 and bar.window_size == 20)
        reader.view.add(lines(200, 2_000))
        await reader.until(lambda: abs(bar.window_virtual_size - 2_000) < 20)
        await reader.press("end")
        await reader.until(lambda: abs(bar.position - 1_980) < 20)


async def test_enter_and_a_click_choose_a_line_with_all_of_its_text() -> None:
    text = "long " * 5_000
    async with opened([line(text), *lines(1, 5)]) as reader:
        await reader.see("line 4.")
        await reader.press("home", "enter")
        await reader.until(lambda: len(reader.app.chosen) == 1)
        await reader.click((5, 3))
        await reader.until(lambda: len(reader.app.chosen) == 2)

    assert [entry.text for entry in reader.app.chosen] == [text, "line 3."]


async def test_a_click_below_the_lines_chooses_nothing() -> None:
    async with opened(lines(0, 2)) as reader:
        await reader.click((5, 30))
        await reader.press("up", "up", "enter")
        await reader.until(lambda: bool(reader.app.chosen))

    assert [entry.text for entry in reader.app.chosen] == ["line 0."]


async def test_keys_on_an_empty_log_do_no_harm() -> None:
    async with opened() as reader:
        await reader.press("up", "down", "pageup", "pagedown", "home", "end", "enter")
        reader.view.add(lines(0, 1))
        await reader.see("line 0.")


async def test_lines_are_cut_at_the_width_and_follow_a_resize() -> None:
    async with opened([line("x" * 500)]) as reader:
        assert reader.lines[0].endswith("xxx…")
        assert len(reader.lines[0]) == 119
        await reader.pilot.resize_terminal(60, 10)
        await reader.until(lambda: len(reader.lines[0]) == 59 and reader.lines[0].endswith("…"))
        await reader.pilot.resize_terminal(200, 10)
        await reader.until(lambda: len(reader.lines[0]) == 199 and reader.lines[0].endswith("…"))


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (2, 2), (45, 3)])
async def test_the_smallest_terminals_show_what_fits(size: tuple[int, int]) -> None:
    async with opened([line("漢字かな " * 20), *lines(1, 50)], size=size) as reader:
        await reader.press("up", "home", "end", "pageup")
        await reader.pilot.resize_terminal(120, 40)
        await reader.see("line 40.")


async def test_on_twenty_by_five_the_words_are_what_is_left() -> None:
    async with opened(lines(0, 50), size=(20, 5)) as reader:
        assert (await reader.see("line 49."))[-2:] == [" line 48.", "▌line 49."]


async def test_what_strangers_write_is_shown_and_does_nothing() -> None:
    hostile = [line("\x1b]0;title\x07\x1b[2J\x00"), line("[bold red]x[/bold red] [@click=app.quit]quit[/]")]
    async with opened(hostile) as reader:
        shown = await reader.see("\\x1b]0;title\\x07\\x1b[2J\\x00", "[bold red]x[/bold red] [@click=app.quit]quit[/]")

    assert "\x1b" not in "".join(shown)


async def test_a_line_of_thirty_megabytes_is_shown_by_its_beginning() -> None:
    async with opened([line("x" * 30_000_000)]) as reader:
        assert (await reader.see("xxx…"))[0].endswith("x…")
        await reader.press("enter")
        await reader.until(lambda: bool(reader.app.chosen))

    assert reader.app.chosen[0].text.endswith("x… 30 MB line, cut")


async def test_a_filter_shows_what_passes_and_goes_on_with_what_comes() -> None:
    async with opened(lines(0, 5_000)) as reader:
        reader.view.show_only(LogFilter(level="error"))
        await reader.until(lambda: reader.view.count == 50 and reader.view.looked_at == 1)
        await reader.see("✕ line 4900.", "✕ line 1100.")
        reader.view.add(lines(5_000, 6_000))
        await reader.see("✕ line 5900.")
        reader.view.show_only(LogFilter())
        await reader.see("line 5999.")


async def test_a_filter_that_matches_nothing_says_so_and_how_to_clear_it() -> None:
    async with opened(lines(0, 50_000)) as reader:
        reader.view.show_only(LogFilter(text="[zzz]\x1b"))
        await reader.see("nothing matches '[zzz]\\x1b' · esc shows all")
        await reader.press("up", "end", "pageup", "enter")
        reader.view.add([line("[ZZZ]\x1b")])
        await reader.see("[ZZZ]\\x1b")


async def test_older_finds_neither_move_what_is_being_read_nor_end_the_pause() -> None:
    async with opened(lines(0, 100_000), size=(80, 20)) as reader:
        await reader.see("line 99999.")
        reader.view.show_only(LogFilter(text="line"))
        reader.view.action_move(-1)
        assert reader.view.looked_at < 1
        await reader.until(lambda: reader.view.looked_at == 1 and reader.view.count == 100_000)
        await reader.settle()
        assert not reader.follows()
        assert reader.words[0] == "line 99980."
        assert reader.view.cursor == 99_998
        await reader.press("home")
        await reader.see("▌14:02:11  reload    summarise   ✕ line 0.")


async def test_a_filter_set_while_reading_keeps_the_place() -> None:
    async with opened(lines(0, 3_000), size=(80, 20)) as reader:
        await reader.see("line 2999.")
        for _ in range(50):
            await reader.press("pageup")
        assert reader.view.cursor == 2_049
        reader.view.show_only(LogFilter(level="error"))
        await reader.until(lambda: reader.view.count == 30 and reader.view.looked_at == 1)
        reader.view.show_only(LogFilter())
        await reader.until(lambda: reader.view.count == 3_000)
        assert not reader.follows()


async def test_what_is_forgotten_does_not_move_what_is_being_read_until_it_is_gone() -> None:
    logbook = Logbook(most_newest=1_000)
    logbook.close()
    async with opened(lines(0, 1_000), size=(80, 20), logbook=logbook) as reader:
        await reader.see("line 999.")
        await reader.press("pageup", "pageup")
        before = reader.words
        reader.view.add(lines(1_000, 1_500))
        await reader.until(lambda: reader.view.logbook.first == 500 and reader.view.count == 1_000)
        await reader.settle()
        assert reader.words == before

        reader.view.add(lines(1_500, 5_000))
        await reader.until(lambda: reader.words[0] == "✕ line 4000.")
        assert not reader.follows()


async def test_a_resize_storm_during_a_flood_ends_well() -> None:
    async with opened(lines(0, 1_000)) as reader:
        for turn, (width, height) in enumerate(((20, 5), (200, 60), (1, 1), (80, 24), (20, 5), (300, 3), (120, 40))):
            reader.view.add(lines(1_000 + turn * 5_000, 6_000 + turn * 5_000))
            await reader.pilot.resize_terminal(width, height)
        assert reader.follows()
        await reader.see("▌14:02:11  reload    summarise       line 35999.")


async def test_a_pause_outlives_a_resize_storm() -> None:
    async with opened(lines(0, 1_000), size=(80, 10)) as reader:
        await reader.press("pageup", "pageup")
        for width, height in ((20, 5), (200, 60), (1, 1), (80, 24)):
            await reader.pilot.resize_terminal(width, height)
        reader.view.add(lines(1_000, 2_000))
        await reader.until(lambda: reader.view.count == 2_000)
        assert not reader.follows()
        assert reader.view.cursor == 981


async def test_lines_can_be_added_from_a_task_that_textual_does_not_know() -> None:
    with Logbook() as logbook:
        app = LogApp(logbook)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: app.run_async(headless=True, size=(80, 20)))
            with anyio.fail_after(10):
                while not app.view.is_running:
                    await anyio.sleep(0.01)
                app.view.add(lines(0, 10_000))
                while app.view.count < 10_000:
                    await anyio.sleep(0.01)
            app.exit()
