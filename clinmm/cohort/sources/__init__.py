"""Where a cohort comes from: a DICOM folder, FHIR R4, or MEDS; each gives a `Draft` to write."""
