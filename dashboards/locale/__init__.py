"""The catalogue of every text of the screens, and its translations."""
