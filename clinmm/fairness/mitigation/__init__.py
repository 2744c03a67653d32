"""Ways to serve the worst-served group better, one file each, held against plain training.

A member is a file with a class `Mitigation` and these constants:

MEANING     one sentence: what it does
IN_TRAINING True: it changes how the fused arm is trained; False: it works on finished predictions
USES_GROUP  True: a prediction needs the patient's group, which may be unlawful in places

`Config` (pydantic, frozen, no extra keys) holds its settings.
"""
