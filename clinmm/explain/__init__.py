"""Why the model said so: attributions on one scale over every input of a case."""
