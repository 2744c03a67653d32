"""From a table, a folder of files and a cohort file to a validated cohort and its splits."""
