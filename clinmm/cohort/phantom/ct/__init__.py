"""The phantom's chest as a CT series in Hounsfield units."""
