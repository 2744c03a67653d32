"""Prediction sets, deferral and outliers: when the model should not answer alone."""
