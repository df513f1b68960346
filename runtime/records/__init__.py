"""Everything that a run writes down and reads again: files, results, metrics, trackers, the environment."""
