"""Makes crates/factors/tests/data/qlib_pit.json from pyqlib itself, and beside the datasets' tests
crates/datasets/tests/data/qlib_pit/, a folder in Qlib's point-in-time format.

    python3.11 -m venv /tmp/qlib-venv
    /tmp/qlib-venv/bin/pip install pyqlib==0.9.7 pandas==2.3.3 numpy==2.4.6
    /tmp/qlib-venv/bin/python scripts/pit-fixtures.py

A folder of a few instruments is written in Qlib's own formats (calendar, bars, and the `.data` and
`.index` files of its point-in-time database, laid out as Qlib's scripts/dump_pit.py does), and
pyqlib answers a table of expressions over it through `D.features`. Left out is what pyqlib itself
refuses. The announcements hold restatements, periods that were skipped, values that were not
given, announcements before the first bar, before a listing and on days without trading.
"""

import datetime
import json
import logging
import platform
import shutil
import struct
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import qlib
from qlib.config import C
from qlib.data import D
from qlib.data.cache import H

CRATES = Path(__file__).resolve().parent.parent / "crates"
TABLE = CRATES / "factors/tests/data/qlib_pit.json"
FOLDER = CRATES / "datasets/tests/data/qlib_pit"
MADE_BY = (
    f"pyqlib {qlib.__version__}, pandas {pd.__version__}, numpy {np.__version__}, "
    f"Python {platform.python_version()}"
)
NAN = float("nan")

# Every third weekday, so that many announcements fall on days without a bar.
CALENDAR = list(pd.bdate_range("2018-12-03", "2020-10-30")[::3])
# First and last bar of each instrument.
LISTED = {
    "SH600000": (0, len(CALENDAR) - 1),
    "SH600519": (0, 90),
    "SZ000001": (40, len(CALENDAR) - 1),
    "SZ300750": (5, len(CALENDAR) - 1),
}


# Announcements


def quarters(first_year, count):
    return [(first_year + i // 4) * 100 + i % 4 + 1 for i in range(count)]


def end_of(period):
    """The day after a quarter or a year ended."""
    if period < 10_000:
        return datetime.date(period + 1, 1, 1)
    year, quarter = divmod(period, 100)
    return datetime.date(year + quarter // 4, quarter % 4 * 3 + 1, 1)


def reported(seed, periods, lag, restated=0.3, scale=1.0, skipped=()):
    """Announced `lag` days or a little later, some periods a second or third time later on."""
    rng = np.random.default_rng(seed)
    rows, level = [], rng.normal(2, 0.5)
    for period in periods:
        level += rng.normal(0, 0.3)
        date = end_of(period) + datetime.timedelta(days=int(lag + rng.integers(0, 25)))
        again = 0
        while period not in skipped and (again == 0 or rng.random() < restated):
            rows.append((date, period, round(scale * level * (1 + 0.05 * again), 6)))
            date += datetime.timedelta(days=int(rng.integers(5, 200)))
            again += 1
    return rows


def day(text):
    return datetime.date.fromisoformat(text)


ANNOUNCEMENTS = {
    ("SH600000", "roewa_q"): reported(1, quarters(2017, 14), 20),
    ("SH600000", "yoyni_q"): reported(2, quarters(2017, 14), 25, skipped=(201803, 201902)),
    ("SH600000", "a_q"): reported(3, quarters(2018, 10), 15, scale=1e8),
    ("SH600000", "b_q"): reported(4, quarters(2018, 10), 45, scale=1e7, skipped=(201901,)),
    ("SH600000", "x_q"): reported(5, quarters(2016, 18), 18, restated=0.5),
    ("SH600000", "e_a"): reported(6, range(2012, 2020), 80, restated=0.4),
    ("SH600000", "f_a"): reported(7, range(2014, 2020), 100, skipped=(2017,)),
    # Listed late: most of it is announced before the first bar.
    ("SZ000001", "roewa_q"): reported(11, quarters(2018, 10), 30),
    ("SZ000001", "yoyni_q"): reported(12, quarters(2018, 10), 30, restated=0),
    ("SZ000001", "a_q"): reported(13, quarters(2018, 8), 10),
    ("SZ000001", "b_q"): reported(14, quarters(2018, 6), 60),
    ("SZ000001", "x_q"): reported(15, quarters(2018, 10), 22, restated=0.6),
    ("SZ000001", "e_a"): reported(16, range(2016, 2020), 60),
    ("SZ000001", "f_a"): reported(17, range(2016, 2020), 60),
    # Made by hand, each line for one thing that can happen.
    ("SH600519", "roewa_q"): [
        (day("2018-12-15"), 201803, 0.1),  # a Saturday
        (day("2019-01-01"), 201803, 0.2),  # restated on a holiday
        (CALENDAR[20].date(), 201804, 0.3),  # on the day of a bar
        (CALENDAR[21].date() + datetime.timedelta(days=1), 201803, 0.25),  # an older one restated
        (CALENDAR[30].date(), 201902, 0.5),  # 201901 is skipped
        (CALENDAR[33].date(), 201801, 0.05),  # older than all before
        (CALENDAR[40].date(), 201901, 0.4),  # the skipped one after all
        (CALENDAR[45].date(), 201902, NAN),  # withdrawn
        (CALENDAR[50].date(), 201902, 0.55),
        (CALENDAR[60].date(), 201903, NAN),  # announced without a value
    ],
    ("SH600519", "yoyni_q"): [(CALENDAR[25].date(), 201804, -0.0), (CALENDAR[44].date(), 202001, 1e30)],
    ("SH600519", "a_q"): [
        (CALENDAR[10].date(), 201804, 1.0),
        (CALENDAR[35].date(), 201901, 2.0),
        (CALENDAR[55].date(), 201902, 0.0),
        (CALENDAR[70].date(), 201903, -3.0),
    ],
    ("SH600519", "b_q"): [
        (CALENDAR[12].date(), 201804, 0.0),
        (CALENDAR[35].date(), 201901, 4.0),
        (CALENDAR[55].date(), 201902, 0.0),
        (CALENDAR[80].date(), 201903, 6.0),
    ],
    ("SH600519", "x_q"): [(CALENDAR[60].date(), 201902, 7.5)],
    ("SH600519", "e_a"): [(day("2018-11-30"), 2017, 3.25), (CALENDAR[70].date(), 2018, 4.5)],
    # SZ300750 has one field only.
    ("SZ300750", "x_q"): reported(21, quarters(2018, 8), 33),
}


# Expressions

EXPRESSIONS = """
P($$roewa_q)
P($$yoyni_q)
P($$x_q)
P($$e_a)
PRef($$roewa_q, 201902)
PRef($$roewa_q, 201701)
PRef($$roewa_q, 202504)
PRef($$x_q, 201804)
PRef($$e_a, 2018)
PRef($$a_q/$$b_q, 201901)
PRef($$a_q, 201902)/PRef($$a_q, 201802)-1
P(Ref($$roewa_q, 1))
P(Ref($$roewa_q, 4))
P(Ref($$e_a, 1))
P(Ref(Ref($$x_q, 1), 2))
P($$roewa_q/Ref($$roewa_q, 4)-1)
P($$e_a/Ref($$e_a, 1)-1)
P($$a_q/$$b_q - 1)
P($$a_q-$$b_q)
P($$a_q*$$b_q+1)
P(Greater($$a_q, $$b_q))
P(Less($$roewa_q, $$yoyni_q))
P(Power($$roewa_q, 2))
P($$e_a+$$f_a)
P(Log($$a_q))
P(Abs($$yoyni_q))
P(Sign($$yoyni_q))
P(Sign($$a_q)*0.1+$$a_q)
P($$roewa_q > 0.3)
P(($$roewa_q > 0.1) & ($$roewa_q < 2))
P(Not($$roewa_q > 2))
P(($$a_q > -10) | ($$b_q > -10))
P(($$b_q > -10) | ($$a_q > -10))
P(($$a_q > -10) & ($$b_q > -10))
P(Greater($$a_q > -10, $$b_q > -10))
P(Less($$b_q > -10, $$a_q > -10))
P(($$b_q > -10) * ($$a_q > -10))
P(Count($$a_q > -10, 3)+Sum($$b_q > 1, 2))
P(And(Ref($$roewa_q > 0, 1), $$roewa_q > 0))
P(And($$a_q > -10, Ref($$b_q > -10, 2)))
P(Or(Ref($$a_q > -10, 1), $$a_q > -10))
P(Or($$a_q > -10, Ref($$a_q > -10, 1)))
P(Sum(And(Ref($$a_q > -10, 1), $$a_q > -10), 4))
P(Greater(Ref($$a_q > -10, 1), $$b_q > -10))
P(Less($$b_q > -10, Ref($$a_q > -10, 1)))
P(Sum(Greater(Ref($$a_q > -10, 1), $$b_q), 4))
P(Sum(Less($$b_q, Ref($$a_q > -10, 1)), 4))
P(Sum(Greater(Ref($$a_q > -10, 1), 0.5), 4))
P(Ref($$a_q > -10, 1)+($$b_q > -10))
P(If($$roewa_q > Ref($$roewa_q, 1), $$roewa_q, 0-Ref($$roewa_q, 1)))
P(If($$roewa_q > 1.5, 1, 0))
P(Mean($$roewa_q, 4))
P(Mean($$a_q/$$b_q, 3))
P(Mean($$a_q, 3)/Mean($$b_q, 2))
P(Sum($$x_q, 4))
P(Sum($$x_q, 4)/Sum(Ref($$x_q, 4), 4)-1)
P(Std($$x_q, 4))
P(Var($$x_q, 6))
P(Skew($$x_q, 6))
P(Kurt($$x_q, 6))
P(Max($$x_q, 4))
P(Min($$x_q, 4))
P(IdxMax($$x_q, 4))
P(IdxMin($$x_q, 4))
P(Med($$x_q, 5))
P(Mad($$x_q, 5))
P(Quantile($$x_q, 5, 0.2))
P(Rank($$x_q, 5))
P(Count($$yoyni_q, 4))
P(Slope($$x_q, 4))
P(Rsquare($$x_q, 5))
P(Resi($$x_q, 5))
P(WMA($$x_q, 4))
P(EMA($$x_q, 4))
P(EMA($$x_q, 0.5))
P(Mean($$x_q, 0.4))
P(Corr($$x_q, $$roewa_q, 5))
P(Cov($$x_q, $$roewa_q, 4))
P(Cov($$a_q, $$b_q, 4))
P(Mean(Mean($$x_q, 3), 3))
P(Max($$e_a, 3)-$$e_a)
P(($$x_q-Mean($$x_q, 8))/Std($$x_q, 8))
Ref(P($$x_q), 5)
Ref(P($$roewa_q), 1)
P($$x_q)/$close
P($$x_q)-Ref(P($$x_q), 1)
Mean(P($$x_q), 20)
Std(P($$roewa_q), 10)
Sum(P($$yoyni_q), 5)
IdxMax(P($$x_q), 10)
Rank(P($$x_q), 10)
Slope(P($$x_q), 10)
Corr(P($$x_q), $close, 10)
WMA(P($$x_q)/$close, 5)
Count(P($$roewa_q)*$close, 30)
If(P($$x_q) > P($$roewa_q), P($$x_q), P($$roewa_q))
P($$roewa_q) > 1.5
P($$a_q)*0.1+P($$b_q)/3
Mean($close, 5)
$close
"""


# Writing Qlib's folder


def closes():
    rng = np.random.default_rng(0)
    bars = {}
    for instrument, (first, last) in LISTED.items():
        walk = 20 * np.exp(np.cumsum(rng.normal(0, 0.02, last - first + 1))).astype(np.float32)
        walk[[7, 30]] = np.nan
        bars[instrument] = walk
    return bars


def write_bars(folder, bars):
    (folder / "calendars").mkdir(parents=True)
    (folder / "instruments").mkdir()
    days = [str(time.date()) for time in CALENDAR]
    (folder / "calendars/day.txt").write_text("".join(f"{day}\n" for day in days))
    listings = [f"{name}\t{days[a]}\t{days[b]}\n" for name, (a, b) in LISTED.items()]
    (folder / "instruments/all.txt").write_text("".join(listings))
    for instrument, close in bars.items():
        target = folder / "features" / instrument.lower()
        target.mkdir(parents=True)
        first = np.float32(LISTED[instrument][0])
        np.concatenate([[first], close]).astype("<f4").tofile(target / "close.day.bin")


def write_announcements(folder, announcements):
    """Records of (date, period, value, offset of the next revision), and where each period's
    revisions begin, from the first year on."""
    for (instrument, field), rows in announcements.items():
        target = folder / "financial" / instrument.lower()
        target.mkdir(parents=True, exist_ok=True)
        per_year = 4 if field.endswith("_q") else 1
        year = (lambda period: period // 100) if per_year == 4 else (lambda period: period)
        first = min(year(period) for _, period, _ in rows)
        years = max(year(period) for _, period, _ in rows) - first + 1
        begins, newest, records = [0xFFFFFFFF] * (years * per_year), {}, []
        for date, period, value in sorted(rows, key=lambda row: row[0]):
            at = (year(period) - first) * per_year + (period % 100 - 1 if per_year == 4 else 0)
            if at in newest:
                records[newest[at]][3] = 20 * len(records)
            else:
                begins[at] = 20 * len(records)
            newest[at] = len(records)
            date = date.year * 10_000 + date.month * 100 + date.day
            records.append([date, period, value, 0xFFFFFFFF])
        data = b"".join(struct.pack("<IIdI", *record) for record in records)
        (target / f"{field}.data").write_bytes(data)
        index = struct.pack(f"<I{len(begins)}I", first, *begins)
        (target / f"{field}.index").write_bytes(index)


# Asking


def ask(folder, sources):
    """Every expression's answers, instrument by instrument; None where pyqlib refuses: series of
    different periods cannot be compared, for one."""
    C.reset()
    qlib.init(provider_uri=str(folder), expression_cache=None, dataset_cache=None, kernels=1)
    return {source: {name: answer(name, source) for name in LISTED} for source in sources}


def answer(instrument, source):
    H.clear()
    first, last = LISTED[instrument]
    try:
        # The second expression keeps the rows where the first one has no value.
        frame = D.features([instrument], [source, "$close*0+1"], freq="day")
    except (ValueError, IndexError, TypeError) as error:
        print(f"{source}, {instrument}: refused: {error}".splitlines()[0])
        return None
    return frame.iloc[:, 0].droplevel(0).reindex(CALENDAR[first : last + 1])


def written(value):
    """A float32 in its shortest exact form."""
    if np.isnan(value):
        return "null"
    if np.isinf(value):
        return f'"{value}"'
    return str(np.float32(value)).removesuffix(".0")


def main():
    bars = closes()
    sources = [line for line in EXPRESSIONS.splitlines() if line]
    with tempfile.TemporaryDirectory() as folder:
        write_bars(Path(folder), bars)
        write_announcements(Path(folder), ANNOUNCEMENTS)
        answers = ask(folder, sources)
    days = [str(time.date()) for time in CALENDAR]
    instruments, expected = {}, {}
    for name, (first, last) in LISTED.items():
        instruments[name] = {"first": first, "close": [written(value) for value in bars[name]]}
    for source in sources:
        expected[source] = {
            name: [written(value) for value in series.astype(np.float32)]
            for name, series in answers[source].items()
            if series is not None
        }
    cells = lambda values: f"[{','.join(values)}]"
    lines = [
        f'{{"made_by":{json.dumps(MADE_BY)},',
        f'"calendar":{json.dumps(days)},',
        '"instruments":{'
        + ",\n".join(
            f'"{name}":{{"first":{part["first"]},"close":{cells(part["close"])}}}'
            for name, part in instruments.items()
        )
        + "},",
        '"announcements":['
        + ",\n".join(
            json.dumps([name, field, str(date), period, None if np.isnan(value) else value])
            for (name, field), rows in ANNOUNCEMENTS.items()
            for date, period, value in sorted(rows, key=lambda row: row[0])
        )
        + "],",
        '"expected":{'
        + ",\n".join(
            f"{json.dumps(source)}:{{"
            + ",".join(f'"{name}":{cells(values)}' for name, values in answer.items())
            + "}"
            for source, answer in expected.items()
        )
        + "}}",
    ]
    TABLE.write_text("\n".join(lines) + "\n")
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
    hand_made = {key: rows for key, rows in ANNOUNCEMENTS.items() if key[0] == "SH600519"}
    write_announcements(FOLDER, hand_made)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    main()
