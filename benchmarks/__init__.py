"""Speed and memory of the package, each next to a baseline or a limit of the same run."""
