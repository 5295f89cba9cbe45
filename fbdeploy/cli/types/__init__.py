"""What an option's text may be: each kind is read and checked by one function, for all commands.

typer calls it while the command line is parsed, before anything heavy is imported; ``cli.app`` puts
the option's name before the error. A default is no text and is taken as it stands.
"""
