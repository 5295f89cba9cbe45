"""The one way in which a cluster ends a command that had nothing wrong with it."""

from __future__ import annotations


class ClusterLost(RuntimeError):
    """The scheduler is gone, and with it what it knew of the jobs; one line for the user."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"{address}: the scheduler is lost; what is finished is kept, start it again and give "
            "the same command"
        )
