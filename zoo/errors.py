"""The one exception the command line turns into exit code 2."""


class InputError(ValueError):
    """Bad input, said in one line: what was given, what is wrong with it and what to do."""
