"""`shopee-od bench`: speed and memory, each beside a peer or a limit that was measured in the same run."""
