"""This machine: its cores, memory and state, its cache folder and its tools."""
