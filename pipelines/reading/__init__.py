"""Jobs of the reading room: make a study, list them, work out results."""
