"""``fbdeploy cluster scheduler``: Dask's own, which places jobs on the hosts that have joined."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fbdeploy.cluster.engine import NO_PAGES, configure, security, until_asked
from fbdeploy.cluster.plan import ClusterPlan
from zoo.errors import InputError, reason_of


def run_scheduler(plan: ClusterPlan, say: Callable[[str], None]) -> None:
    """Place jobs until SIGINT or SIGTERM.

    Raises:
        InputError: the address cannot be listened at, the keys are none, or the extra ``cluster``
            is not installed.
    """
    configure()
    asyncio.run(_serve(plan, security(plan), say))


async def _serve(plan: ClusterPlan, guard: Any, say: Callable[[str], None]) -> None:
    from distributed import Scheduler

    asked = until_asked()
    protocol, _, place = plan.address.partition("://")
    host, _, port = place.rpartition(":")
    try:
        scheduler = await Scheduler(
            host=host,  # with the brackets of an IPv6 address
            port=int(port),
            protocol=f"{protocol}://",
            security=guard,
            dashboard=False,
            dashboard_address=NO_PAGES,
        )
    except (OSError, RuntimeError) as error:
        reason = reason_of(error.__cause__ or error)
        raise InputError(
            f"{plan.scheduler}: cannot be listened at ({reason}); correct scheduler in the plan"
        ) from error
    say(f"scheduler: listening at {scheduler.address}")
    await asked.wait()
    await scheduler.close(timeout=2)
