"""The screens of a reader: the form, what is on the desk, the model's part, the list of cases."""
