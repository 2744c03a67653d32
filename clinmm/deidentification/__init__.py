"""Finds what identifies a person in a cohort, and writes copies without it.

Finding: `headers` (DICOM), `embedded` (metadata of other image files), `burned_in` (text in
pixels), `notes` (free text), `columns` (the table). Removing: `clean_dicom`, `clean_picture`,
`clean_table`, put together by `copy_cohort`.
"""
