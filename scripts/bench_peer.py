"""What the scripts of peers have alike: the market, Qlib's folder, memory, and turns.

A script sets itself up, says so with an empty object, then does its work once for every line it is
sent and answers {name: [values]}, one JSON object a line. So it takes turns with ours.
"""

import json
import os
import sys
import threading
import time
import warnings
from pathlib import Path

# Packages talk on the standard output, too: the answers keep it to themselves.
_answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
# Nor are progress bars and means of nothing worth a line a turn.
os.environ.setdefault("TQDM_DISABLE", "1")
warnings.simplefilter("ignore", RuntimeWarning)


def serve(work):
    """Answers with `work()` for every line of the standard input."""
    print("{}", file=_answers)
    for _ in sys.stdin:
        print(json.dumps(work()), file=_answers)


def timed(work):
    """Seconds that `work` takes, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def wide(path):
    """{field: bars × instruments} of a canonical Parquet file; NaN where there is no bar."""
    import pandas as pd

    frame = pd.read_parquet(path)
    fields = [name for name in frame if name not in ("instrument", "datetime")]
    return {name: frame.pivot(index="datetime", columns="instrument", values=name) for name in fields}


def write_qlib(folder, market, fields):
    """Qlib's binary format. Prices are not adjusted, so there must be nothing to adjust."""
    import numpy as np

    assert not (market["factor"].notna() & (market["factor"] != 1.0)).any(axis=None), "splits"
    close, folder = market["close"], Path(folder)
    (folder / "calendars").mkdir(parents=True)
    (folder / "instruments").mkdir()
    (folder / "calendars/day.txt").write_text("".join(f"{day.date()}\n" for day in close.index))
    spans = []
    for name in close:
        first, last = close[name].first_valid_index(), close[name].last_valid_index()
        spans.append(f"{name}\t{first.date()}\t{last.date()}\n")
        place = folder / "features" / name.lower()
        place.mkdir(parents=True)
        for field in fields:
            values = market[field][name].loc[first:last].to_numpy()
            start = close.index.get_loc(first)
            np.hstack([[start], values]).astype("<f4").tofile(place / f"{field}.day.bin")
    (folder / "instruments/all.txt").write_text("".join(spans))


class PeakMemory:
    """The most that this process and its children hold together within the block, in MB.

    Proportional set sizes, looked at ten times a second: pages that processes share count once.
    """

    def __enter__(self):
        self.mb, self._ended = 0.0, threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._watch.join()

    def _look(self):
        while True:
            self.mb = max(self.mb, sum(map(_held, _family(os.getpid()))) / 1e6)
            if self._ended.wait(0.1):
                return


def _family(process):
    members = [process]
    for member in members:
        try:
            for thread in os.listdir(f"/proc/{member}/task"):
                children = Path(f"/proc/{member}/task/{thread}/children").read_text()
                members += map(int, children.split())
        except OSError:
            pass  # It has ended.
    return members


def _held(process):
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
