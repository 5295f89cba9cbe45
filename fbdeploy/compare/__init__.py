"""Two deployments side by side: what a change of network, recipe or version has done."""
