"""The one place that chooses implementations. Read from top to bottom, it is the product."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

from workbench.configuration import read_settings, shipped_folder
from workbench.model.run import Handler
from workbench.model.settings import Settings
from workbench.model.skill import Kind
from workbench.runtime.bus import Bus
from workbench.runtime.clock import SYSTEM_CLOCK
from workbench.runtime.devsessions.session import DevSession
from workbench.runtime.executors.code_inline import CodeInline
from workbench.runtime.executors.dispatch import dispatch
from workbench.runtime.executors.prompt_inline import PromptInline
from workbench.runtime.executors.python import PythonSkill
from workbench.runtime.library.drafts import Drafts
from workbench.runtime.library.history import History
from workbench.runtime.library.journal import Journal
from workbench.runtime.library.library import Library, roots_of
from workbench.runtime.library.revisions import Revisions
from workbench.runtime.pipeline.compose import compose
from workbench.runtime.pipeline.deadline import within_deadline
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
from workbench.runtime.workers.pool import open_worker_pool

__all__ = ["Workbench", "open_library", "open_workbench"]


@contextmanager
def open_library(settings: Settings, environ: Mapping[str, str]) -> Iterator[Library]:
    """What is known of skills, without the means to run one: enough to list, show and validate."""
    clock = SYSTEM_CLOCK
    place = place_of_state(settings.workspace, environ)
    with open_instance(place, os.urandom(8).hex()) as instance, open_database(place) as database:
        yield Library(
            roots=roots_of(settings, environ, (shipped_folder("skills"),)),
            database=database,
            revisions=Revisions(database, place, clock.now, instance.id),
            history=History(database, place, instance),
            scratch=Scratch(place, instance),
            drafts=Drafts(place, instance),
        )


@asynccontextmanager
async def open_workbench(
    settings: Settings | None = None,
    *,
    workspace: str = ".",
    warden: WardenProcess | None = None,
    environ: Mapping[str, str] = os.environ,
) -> AsyncIterator[Workbench]:
    """Everything the product is made of, chosen here and nowhere else."""
    settings = settings or read_settings(workspace, environ)
    bus, clock = Bus(), SYSTEM_CLOCK
    place = place_of_state(settings.workspace, environ)
    security, performance = settings.security, settings.performance
    async with AsyncExitStack() as opened:
        library = opened.enter_context(open_library(settings, environ))
        children = await opened.enter_async_context(open_warden(warden, bubblewrap=security.bubblewrap))
        tier = await strongest_tier(children, security, f"{user_state_folder(environ)}/sandbox.json")
        pool = await opened.enter_async_context(
            open_worker_pool(children, tier, library.scratch, security, performance, environ)
        )
        spools = Spools(library.scratch, bus, clock)
        executors: dict[Kind, Handler] = {
            Kind.CODE_INLINE: CodeInline(children, tier, library.revisions, spools, place, security, environ),
            Kind.PROMPT_INLINE: PromptInline(pool),
            Kind.PYTHON: PythonSkill(pool, library.revisions, spools, place),
        }
        told = (("trace", trace(bus, clock)), ("record", record(library.history, clock)))
        done = (  # outermost first
            ("inputs", check_inputs),
            ("permission", permit(tier)),
            ("deadline", within_deadline(settings.skills.default_timeout, security.max_execution_time)),
            ("outputs", parse_outputs),
        )
        session = DevSession("main", library, pool, bus, clock)
        session.show(library.read_all())
        yield Workbench(
            settings=settings,
            library=library,
            session=session,
            handler=compose(*told, *done, to=dispatch(executors)),
            trial=compose(*done, to=dispatch(executors)),
            pool=pool,
            bus=bus,
            clock=clock,
            tier=tier,
            spools=spools,
            journal=Journal(library.database, library.scratch.owner, bus, clock),
        )
