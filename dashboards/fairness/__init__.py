"""The parts of the Fairness page, one file each. They read tables and draw; nothing is decided."""
