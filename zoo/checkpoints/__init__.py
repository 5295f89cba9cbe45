"""State dicts from files that are not trusted, and fitting them to a module.

A file may hold several state dicts, as training scripts write them, under names of any layout:
``reading`` reads it without running code from it, ``unwrapping`` finds the state dicts in it,
``layouts`` translates names, and ``fitting`` picks what fits a network and loads it.
"""

from zoo.checkpoints.fitting import Selection, load_into, select
from zoo.checkpoints.layouts import Layout, fit_positional, translate
from zoo.checkpoints.reading import read_states
from zoo.checkpoints.unwrapping import State, Stored

__all__ = [
    "Layout",
    "Selection",
    "State",
    "Stored",
    "fit_positional",
    "load_into",
    "read_states",
    "select",
    "translate",
]
