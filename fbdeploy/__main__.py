"""``python -m fbdeploy`` is ``fbdeploy``."""

from fbdeploy.cli import main

main()
