"""Where a runner runs: this machine, ssh, adb, an emulated ARM core."""
