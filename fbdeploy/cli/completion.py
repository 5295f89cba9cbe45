"""What a shell offers for an argument that is half written."""

from __future__ import annotations


def network_names(incomplete: str) -> list[str]:
    """Names of ``fbdeploy zoo`` that begin so."""
    from zoo.catalogue import catalogue

    names = (name for entry in catalogue() for name in (entry.name, *entry.aliases))
    return sorted({name for name in names if name.startswith(incomplete)})
