"""Which columns of a wide record move the answer most, without asking about each."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from clinmm.explain.joint import Joint
from clinmm.explain.what_if.ranges import PlausibleRanges


def most_moving(
    joints: Sequence[Joint], name: str, ranges: PlausibleRanges, most: int
) -> list[str]:
    """At most so many columns of the case's record, in the order of the record.

    Of more columns, those with the largest |slope x range| for any class: the slope of the logit at
    the case, mean over the joints, times the way from the column's lowest to its highest value.
    """
    row: Mapping[str, Any] = joints[0].given[name]
    columns = list(row)
    if len(columns) <= most:
        return columns
    size = dict.fromkeys(columns, 0.0)
    for of_class in zip(*(_changes(joint, name, ranges) for joint in joints), strict=True):
        for column in columns:
            mean = sum(moved.get(column, 0.0) for moved in of_class) / len(joints)
            size[column] = max(size[column], abs(mean))
    chosen = set(sorted(columns, key=lambda column: (-size[column], column))[:most])
    return [column for column in columns if column in chosen]


def _changes(joint: Joint, name: str, ranges: PlausibleRanges) -> list[dict[str, float]]:
    """For each class, column -> slope x range; columns that the encoder does not read are none."""
    encoder, row = joint.encoder(name), joint.raw[name]
    low, high = (encoder.attributable(_at_end(row, name, ranges, end)).values for end in (0, -1))
    at = joint.names.index(name)
    points = [
        value.detach().clone().requires_grad_(i == at) for i, value in enumerate(joint.values)
    ]
    changes = []
    for logit in joint.answers(*points)[0]:
        (slope,) = torch.autograd.grad(logit, points[at], retain_graph=True)
        located = encoder.located((slope * (high - low))[0].numpy(), row)
        moved: dict[str, float] = {}
        for column, score in zip(
            located["column"].tolist(), located["score"].tolist(), strict=True
        ):
            moved[column] = moved.get(column, 0.0) + score
        changes.append(moved)
    return changes


def _at_end(row: Mapping[str, Any], name: str, ranges: PlausibleRanges, end: int) -> dict[str, Any]:
    """The row with every column at one end of what it can be; as it is where nothing is known."""
    values: dict[str, Sequence[Any]] = {**ranges.numeric[name], **ranges.categorical[name]}
    return {column: values[column][end] if values[column] else row[column] for column in row}
