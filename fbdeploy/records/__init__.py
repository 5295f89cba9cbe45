"""What an output folder holds, as typed documents."""
