"""Where a gap between groups may come from, one file for each kind of source."""
