"""The one place that chooses implementations. Read from top to bottom, it is the product."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

from workbench.configuration import read_settings, shipped_folder
from workbench.model.devsession import MAIN
from workbench.model.run import Handler
from workbench.model.settings import Settings
from workbench.model.skill import Kind
from workbench.runtime.bus import Bus
from workbench.runtime.clock import SYSTEM_CLOCK
from workbench.runtime.devsessions.notes import SessionNotes
from workbench.runtime.devsessions.session import DevSession
from workbench.runtime.devsessions.sessions import Opened, Sessions
from workbench.runtime.executors.code_inline import CodeInline
from workbench.runtime.executors.dispatch import dispatch, missing
from workbench.runtime.executors.in_worker import InWorker
from workbench.runtime.executors.prompt_inline import PromptInline
from workbench.runtime.governance.approvals import Approvals
from workbench.runtime.library.drafts import Drafts
from workbench.runtime.library.history import History
from workbench.runtime.library.journal import Journal
from workbench.runtime.library.library import Library, roots_of
from workbench.runtime.library.revisions import Revisions
from workbench.runtime.library.tidying import Tidying
from workbench.runtime.own_hand import OwnHand
from workbench.runtime.pipeline.compose import compose
from workbench.runtime.pipeline.deadline import within_deadline
from workbench.runtime.pipeline.hold import hold_back
from workbench.runtime.pipeline.inputs import check_inputs
from workbench.runtime.pipeline.outputs import parse_outputs
from workbench.runtime.pipeline.permission import permit
from workbench.runtime.pipeline.record import record
from workbench.runtime.pipeline.trace import trace
from workbench.runtime.places import place_of_state, user_state_folder
from workbench.runtime.runtime import Workbench
from workbench.runtime.sandbox.client import open_warden
from workbench.runtime.sandbox.probes import strongest_tier
from workbench.runtime.sandbox.spawning import WardenProcess
from workbench.runtime.store.database import open_database
from workbench.runtime.store.instances import Scratch, open_instance
from workbench.runtime.store.spools import Spools
from workbench.runtime.workers.languages import Language, Python, found_node
from workbench.runtime.workers.pool import open_worker_pool

NODE_HINT = "install Node.js 18 or newer, so that `node` is on the PATH, and start the workbench again"

__all__ = ["Workbench", "open_library", "open_workbench"]


@contextmanager
def open_library(settings: Settings, environ: Mapping[str, str], dev: str = MAIN) -> Iterator[Library]:
    """What is known of skills, without the means to run one: enough to list, show and validate."""
    clock = SYSTEM_CLOCK
    place = place_of_state(settings.workspace, environ)
    with open_instance(place, os.urandom(8).hex()) as instance, open_database(place) as database:
        whole = Library(
            roots=roots_of(settings, environ, (shipped_folder("skills"),)),
            database=database,
            revisions=Revisions(database, place, clock.now, instance.id),
            history=History(database, place, instance),
            scratch=Scratch(place, instance),
            drafts=Drafts(place, instance),
            default_permissions=settings.security.default_permissions,
        )
        yield SessionNotes(settings.workspace, place).seen_from(dev, whole)


@contextmanager
def open_tidying(workspace: str, environ: Mapping[str, str], keep: int, days: float, now: float) -> Iterator[Tidying]:
    """What looks through a workspace's state for what nobody comes back to."""
    place = place_of_state(read_settings(workspace, environ).workspace, environ)
    with open_database(place) as database:
        yield Tidying(database, place, keep=keep, days=days, now=now)


@asynccontextmanager
async def open_workbench(
    settings: Settings | None = None,
    *,
    workspace: str = ".",
    warden: WardenProcess | None = None,
    environ: Mapping[str, str] = os.environ,
    dev: str = MAIN,
) -> AsyncIterator[Workbench]:
    """Everything the product is made of, chosen here and nowhere else."""
    settings = settings or read_settings(workspace, environ)
    bus, clock = Bus(), SYSTEM_CLOCK
    place = place_of_state(settings.workspace, environ)
    security = settings.security
    async with AsyncExitStack() as opened:
        library = opened.enter_context(open_library(settings, environ))
        children = await opened.enter_async_context(open_warden(warden, bubblewrap=security.bubblewrap))
        tier = await strongest_tier(children, security, f"{user_state_folder(environ)}/sandbox.json")
        languages: dict[Kind, Language] = {Kind.PYTHON: Python()}
        if (node := await found_node(environ)) is not None:
            languages[Kind.NODE] = node
        pool = await opened.enter_async_context(
            open_worker_pool(children, tier, languages, library.scratch, settings, environ, bus, clock)
        )
        spools = Spools(library.scratch, bus, clock)
        in_worker = InWorker(pool, library.revisions, spools, place)
        executors: dict[Kind, Handler] = {
            Kind.CODE_INLINE: CodeInline(children, tier, library.revisions, spools, place, settings, environ),
            Kind.PROMPT_INLINE: PromptInline(pool),
            Kind.PYTHON: in_worker,
            Kind.NODE: in_worker if node else missing("node", hint=NODE_HINT),
        }
        hand = OwnHand(user_state_folder(environ))
        approvals = Approvals(library.database, clock, hand, shipped=shipped_folder("skills"))
        told = (("trace", trace(bus, clock)), ("record", record(library.history, clock)))
        done = (  # outermost first
            ("inputs", check_inputs),
            ("permission", permit(tier, approvals.of)),
            ("hold", hold_back(tier, place)),
            ("deadline", within_deadline(settings.skills.default_timeout, security.max_execution_time)),
            ("outputs", parse_outputs),
        )
        main = Opened(session=DevSession(library, settings.workspace, pool, bus, clock, approvals.of), library=library)
        sessions = Sessions(main, settings.workspace, place, library.database, pool, bus, clock, approvals.of, hand)
        await sessions.promotions.finish_left_behind()
        main.session.look_again()
        seen = sessions.opened(dev)
        yield Workbench(
            settings=settings,
            place=place,
            library=seen.library,
            sessions=sessions,
            session=seen.session,
            handler=compose(*told, *done, to=dispatch(executors)),
            trial=compose(*done, to=dispatch(executors)),
            pool=pool,
            bus=bus,
            clock=clock,
            tier=tier,
            spools=spools,
            approvals=approvals,
            journal=Journal(library.database, library.scratch.owner, bus, clock),
        )
