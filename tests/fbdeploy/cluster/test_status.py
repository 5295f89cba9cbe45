"""What is told of the hosts that have joined."""

from __future__ import annotations

from fbdeploy.cluster.status import HostStatus, notes_of
from tests.fbdeploy.cluster.test_placing import facts


def test_processors_that_differ_are_told_and_those_left_out_do_not_count() -> None:
    def host(name: str, cpu: str, *differences: str) -> HostStatus:
        known = facts(name, 2, 9000).model_copy(update={"cpu": cpu})
        return HostStatus(name=name, facts=known, differences=differences)

    alike = [host("a", "EPYC"), host("b", "EPYC"), host("old", "Xeon", "torch 2.13 for 2.14")]
    assert notes_of({one.name: one for one in alike}) == [
        "old is left out, other than here: torch 2.13 for 2.14"
    ]
    differ = [*alike[:2], host("c", "Xeon")]
    assert notes_of({one.name: one for one in differ}) == [
        "processors differ, and so may last digits of floats: a and b EPYC, c Xeon"
    ]
