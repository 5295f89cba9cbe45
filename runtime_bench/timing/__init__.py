"""The protocol by which artefacts are timed, in processes of their own."""
