"""What ``import fbdeploy`` gives: a function a task, with plain arguments and typed results.

The command line asks through the same rooms; here nothing is printed.
"""
