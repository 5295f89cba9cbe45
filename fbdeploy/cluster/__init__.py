"""Jobs on more than one machine: hosts and devices that Dask distributed places them on."""
