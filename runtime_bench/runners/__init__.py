"""Native runners for devices: their build, their protocol and what they report."""
