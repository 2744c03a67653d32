"""One check per file: `check(cohort, context) -> list[Finding]`. A new file is a new check."""
