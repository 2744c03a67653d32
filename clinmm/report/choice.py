"""Which explained cases are shown: found, missed, false alarms, and any."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from clinmm.report.material import Material, matching

MOST = 6
_WORDS = {
    "found": "Found",
    "missed": "Missed",
    "alarm": "False alarm",
    "random": "Taken at random",
    "highest": "Highest risk estimate",
    "positive": "With the finding",
    "negative": "Without the finding",
    "high": "Highest value",
    "low": "Lowest value",
    "over": "Furthest too high",
    "under": "Furthest too low",
}


@dataclass(frozen=True)
class Chosen:
    """One case and class; `row` is its row of the predictions, with the column `threshold`."""

    heading: str
    case_id: str
    class_name: str
    row: "pd.Series[Any]"


def choose(material: Material) -> list[Chosen]:
    """At most MOST explained cases, each once: of each kind in turn the clearest, classes changing.

    Found, missed and false alarm are by the first operating point. Nothing is drawn by chance:
    `at random` is the first of the explained cases by the hash of its id.
    """
    rows = _candidates(material)
    kinds = _kinds(rows)
    chosen: list[Chosen] = []
    used: set[str] = set()
    shown: dict[str, int] = {}
    while len(chosen) < MOST:
        before = len(chosen)
        for kind, queue in kinds.items():
            fresh = queue[~queue["case_id"].isin(used)]
            if not len(fresh) or len(chosen) == MOST or (kind == "random" and before):
                continue
            often = fresh["class_name"].map(lambda name: shown.get(name, 0))
            row = fresh[often == often.min()].iloc[0]
            name = str(row["class_name"])
            chosen.append(Chosen(_WORDS[kind], str(row["case_id"]), name, row))
            used.add(str(row["case_id"]))
            shown[name] = shown.get(name, 0) + 1
        if len(chosen) == before:
            break
    return chosen


def _candidates(material: Material) -> pd.DataFrame:
    """Predictions of the explained cases and classes by the models that were explained."""
    explained = material.tables["explanations"][["arm", "case_id", "class_name"]].drop_duplicates()
    predictions = matching(material.tables["predictions"], {"repeat": 0, "split": "test"})
    rows = predictions.merge(explained, on=["arm", "case_id", "class_name"])
    if "thresholds" not in material.tables:
        return rows.assign(threshold=float("nan"))
    table = material.tables["thresholds"]
    first = table[table["operating_point"] == table["operating_point"].iloc[0]]
    keys = ["arm", "repeat", "fold", "class_name"]
    return rows.merge(first[[*keys, "threshold"]], on=keys, how="left")


def _kinds(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Kind -> its rows, the clearest first."""
    if rows["probability"].isna().all():
        return _kinds_of_values(rows)
    high = rows.sort_values(["probability", "case_id"], ascending=[False, True])
    low = rows.sort_values(["probability", "case_id"])
    order = pd.util.hash_pandas_object(rows["case_id"], index=False).to_numpy().argsort()
    drawn = rows.iloc[order]
    if rows["target"].isna().all():
        return {"highest": high, "random": drawn}
    if rows["threshold"].isna().all():
        return {
            "positive": high[high["target"] == 1],
            "negative": high[high["target"] == 0],
            "random": drawn,
        }
    return {
        "found": high[(high["target"] == 1) & (high["probability"] >= high["threshold"])],
        "missed": low[(low["target"] == 1) & (low["probability"] < low["threshold"])],
        "alarm": high[(high["target"] == 0) & (high["probability"] >= high["threshold"])],
        "random": drawn,
    }


def _kinds_of_values(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    high = rows.sort_values(["value", "case_id"], ascending=[False, True])
    known = rows[rows["target"].notna()]
    error = (known["value"] - known["target"]).sort_values(kind="stable")
    return {
        "high": high,
        "over": known.loc[error[error > 0].index[::-1]],
        "under": known.loc[error[error < 0].index],
        "low": high[::-1],
    }
