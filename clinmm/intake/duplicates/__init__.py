"""Pictures that show one thing, and patients who seem to be one person."""
