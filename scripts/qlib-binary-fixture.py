"""Makes and checks folders in Qlib's binary format with Qlib itself.

  qlib-binary-fixture.py make DUMP_BIN.py OUT
      OUT/day and OUT/1min as Qlib's scripts/dump_bin.py writes them from a few bars, and beside
      them OUT/day.csv and OUT/1min.csv: what pyqlib reads from them.
  qlib-binary-fixture.py lists OUT
      OUT/members.day.csv and OUT/members.1min.csv: which bars of OUT/day and OUT/1min pyqlib reads
      for a universe of the lists OUT/members.day.txt and OUT/members.1min.txt.
  qlib-binary-fixture.py check FOLDER FREQUENCY BARS.parquet
      Whether pyqlib reads from FOLDER, an export of the raw bars in BARS.parquet with adjusted
      prices, what those bars are in single precision.

Needs pyqlib 0.9.7, pandas and pyarrow; dump_bin.py comes from Qlib's repository.
"""

import csv
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

PRICES = ["open", "high", "low", "close", "vwap"]
FIELDS = ["open", "high", "low", "close", "volume", "factor"]


def bars(times, start, split_at, seed):
    """Adjusted bars whose factor doubles at a split; a gap and missing values among them."""
    random = np.random.default_rng(seed)
    close = start * np.exp(np.cumsum(random.normal(0, 0.01, len(times))))
    spread = close * random.uniform(0.001, 0.01, len(times))
    frame = pd.DataFrame({
        "date": times,
        "open": close - spread / 3,
        "high": close + spread,
        "low": close - spread,
        "close": close,
        "volume": random.integers(1_000, 9_000, len(times)) * 1.0,
        "factor": np.where(np.arange(len(times)) < split_at, 0.37, 0.74),
    })
    frame.loc[2, ["volume"]] = np.nan
    return frame.drop(index=4)


def make(dump_bin, out):
    calendars = {
        "day": pd.bdate_range("2024-01-02", periods=12),
        "1min": pd.date_range("2024-01-02 09:31", periods=12, freq="1min"),
    }
    out.mkdir(parents=True, exist_ok=True)
    for frequency, times in calendars.items():
        with tempfile.TemporaryDirectory() as source:
            for seed, (symbol, late) in enumerate([("sh600000", 0), ("brk-b", 3), ("con", 0)]):
                frame = bars(times[late:], 10.0 * (seed + 1), 6, seed)
                frame.to_csv(Path(source) / f"{symbol}.csv", index=False)
            target = out / frequency
            subprocess.run(
                [sys.executable, dump_bin, "dump_all", "--data_path", source, "--qlib_dir", target,
                 "--freq", frequency, "--include_fields", ",".join(FIELDS), "--max_workers", "1"],
                check=True,
            )
        read = features(target, frequency, FIELDS)
        with open(out / f"{frequency}.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["instrument", "datetime", *FIELDS])
            for (instrument, time), row in read.iterrows():
                # The shortest text that is the single precision number again.
                texts = ["" if np.isnan(value) else str(np.float32(value)) for value in row]
                writer.writerow([instrument, time, *texts])


def lists(out):
    for frequency in ["day", "1min"]:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(out / frequency, folder, dirs_exist_ok=True)
            listed = out / f"members.{frequency}.txt"
            shutil.copy(listed, Path(folder) / "instruments/members.txt")
            read = features(folder, frequency, ["close"], "members").dropna()
        read.index.to_frame().to_csv(out / f"members.{frequency}.csv", index=False)


def features(folder, frequency, fields, universe=None):
    import qlib
    from qlib.config import C
    from qlib.data import D

    C.reset()
    qlib.init(provider_uri=str(folder), expression_cache=None, dataset_cache=None, kernels=1)
    # A plain list of instruments has all of their bars, a universe those of its spans.
    instruments = D.list_instruments(D.instruments("all"), freq=frequency, as_list=True)
    instruments = D.instruments(universe) if universe else instruments
    read = D.features(instruments, [f"${field}" for field in fields], freq=frequency)
    read.columns = fields
    return read.sort_index()


def check(folder, frequency, parquet):
    raw = pd.read_parquet(parquet).set_index(["instrument", "datetime"]).sort_index()
    fields = list(raw.columns)
    read = features(folder, frequency, fields)
    factor = 1.0
    if "factor" in raw:
        usable = raw["factor"].where((raw["factor"] > 0) & np.isfinite(raw["factor"]))
        groups = usable.groupby(level="instrument")
        factor = groups.ffill().fillna(groups.bfill()).fillna(1.0)
    bad = compared = 0
    for field in fields:
        expected = raw[field]
        if field in PRICES:
            expected = expected * factor
        elif field == "volume":
            expected = expected / factor
        found = read[field].reindex(raw.index).to_numpy(np.float32)
        expected = expected.to_numpy(np.float64).astype(np.float32)
        same = (found == expected) | (np.isnan(found) & np.isnan(expected))
        bad += int((~same).sum())
        compared += len(same)
    extra = read.drop(raw.index, errors="ignore").notna().to_numpy().sum()
    print(f"{compared} values compared, {bad} differ, {extra} that are not in the bars")
    return 1 if bad or extra or not compared else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", dump_bin, out]:
            make(dump_bin, Path(out))
        case ["lists", out]:
            lists(Path(out))
        case ["check", folder, frequency, parquet]:
            sys.exit(check(Path(folder), frequency, parquet))
        case _:
            sys.exit(__doc__)
