"""Whom the model serves less well."""
