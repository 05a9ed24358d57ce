"""Makes crates/factors/tests/data/qlib_operators.json and qlib_alpha360.json from pyqlib itself.

    python3.11 -m venv /tmp/qlib-venv
    /tmp/qlib-venv/bin/pip install pyqlib==0.9.7 pandas==2.3.3 numpy==2.4.6
    /tmp/qlib-venv/bin/python scripts/qlib-fixtures.py

The expressions are read by Qlib's parser and run by Qlib's operator classes over leaves that hold
the fixture's own series, so neither `qlib.init` nor a data folder is needed. Fields are float32, as
Qlib stores them, and answers are cast to float32, as Qlib's expression provider does.

Left out of the fixture:
- expressions that pyqlib refuses on a case, since there is no answer to agree with;
- bars whose answer is numeric noise. pandas and Qlib's Cython slide sums over the series, and what
  has left the window can leave a rounding error behind that is larger than the answer. Such a bar
  (pandas' skew and kurt, which first take off the mean of the whole series, even do so before it
  comes.) Such a bar is found by asking pyqlib again with bars cut off at either end, so that the
  same window holds the same numbers. Where it then disagrees with its own first answer by more than
  the test allows, no implementation can be held to it, and the bar is written as "noise".
"""

import json
import logging
import platform
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import qlib
from qlib.contrib.data.loader import Alpha158DL, Alpha360DL
from qlib.data import ops
from qlib.data.cache import H
from qlib.data.ops import Operators
from qlib.utils import parse_field

DATA = Path(__file__).resolve().parent.parent / "crates/factors/tests/data"
MADE_BY = (
    f"pyqlib {qlib.__version__}, pandas {pd.__version__}, numpy {np.__version__}, "
    f"Python {platform.python_version()}"
)
BARS = 48
WINDOWS = [0, 1, 2, 3, 5, 20]
FRACTIONS = [0.1, 0.5]


# Series


def walk(seed, bars=BARS, start=50.0, volatility=0.02):
    """Prices that drift at random, their range in each bar, and volumes in whole shares."""
    rng = np.random.default_rng(seed)
    close = start * np.exp(np.cumsum(rng.normal(0, volatility, bars)))
    opening = close * np.exp(rng.normal(0, volatility / 2, bars))
    wick = np.abs(rng.normal(0, volatility / 2, (2, bars)))
    high = np.maximum(opening, close) * (1 + wick[0])
    low = np.minimum(opening, close) * (1 - wick[1])
    volume = np.floor(rng.lognormal(12, 0.8, bars))
    vwap = (high + low + close) / 3
    return {
        "open": opening, "high": high, "low": low, "close": close, "volume": volume, "vwap": vwap,
    }


def leading_nan():
    fields = walk(1)
    for values in fields.values():
        values[:7] = np.nan
    fields["volume"][7:10] = np.nan
    return fields


def inner_nan():
    fields = walk(2)
    for values in fields.values():
        values[[9, 10, 25]] = np.nan
        values[30:37] = np.nan
    fields["close"][[3, 15, 17, 41]] = np.nan
    fields["volume"][[15, 16, 44]] = np.nan
    return fields


def only_nan():
    fields = walk(3, bars=8)
    fields["close"][:] = np.nan
    return fields


def constant_window():
    fields = walk(4)
    for name in ["open", "high", "low", "close", "vwap"]:
        fields[name][8:34] = 50.25
    fields["volume"][10:34] = 1000.0
    return fields


def zero_volume():
    fields = walk(5)
    fields["volume"][[0, 6]] = 0
    fields["volume"][12:19] = 0
    fields["volume"][24:47] = 0
    return fields


def ties():
    fields = walk(6)
    for name in ["open", "high", "low", "close", "vwap"]:
        fields[name] = np.round(fields[name] * 0.5) * 2
    fields["volume"] = np.round(fields["volume"] / 2e5) * 2e5
    return fields


def infinities():
    fields = walk(7)
    fields["close"][[4, 22]] = np.inf
    fields["close"][23] = -np.inf
    fields["open"][12] = -np.inf
    fields["high"][[4, 30]] = np.inf
    fields["volume"][[9, 22]] = np.inf
    return fields


def outlier():
    fields = walk(13)
    for name in ["high", "close"]:
        fields[name][14] = 2000
    fields["low"][28] = 0.01
    fields["volume"][20] = 1e8
    return fields


def huge_outlier():
    fields = walk(8)
    for name in ["high", "close"]:
        fields[name][14] = 1e7
    fields["low"][28] = 1e-5
    fields["volume"][20] = 1e13
    return fields


def small_moves():
    return walk(9, start=1e5, volatility=1e-4)


def negative_values():
    fields = walk(10)
    for name in ["open", "high", "low", "close", "vwap"]:
        fields[name] = fields[name] - 52
    fields["low"][11] = 0
    fields["volume"] = -fields["volume"]
    return fields


CASES = {
    "ordinary": lambda: walk(0),
    "leading NaN": leading_nan,
    "inner NaN": inner_nan,
    "only NaN": only_nan,
    "constant window": constant_window,
    "zero volume": zero_volume,
    "one row": lambda: walk(11, bars=1),
    "window longer than history": lambda: walk(12, bars=4),
    "ties": ties,
    "infinities": infinities,
    "outlier": outlier,
    "huge outlier": huge_outlier,
    "small moves of large prices": small_moves,
    "negative values": negative_values,
}


# Expressions

ROLLING = (
    "Mean Sum Std Var Skew Kurt Max Min IdxMax IdxMin Med Mad Rank Count Slope Rsquare Resi WMA EMA"
).split()
# These take Rolling's own road, on which Qlib answers a fraction with an exponential mean,
# whatever the operator's name.
FRACTIONAL = "Mean Sum Std Var Max Min Med Count".split()

ELEMENTWISE = """
Abs($close-$open)
Abs($close>$open)
Sign($close-Ref($close, 1))
Sign(Mean($close, 3)-$close)
Sign($close>$open)
Log($close)
Log($volume)
Log($volume+1)
Log($close-$open)
Log(Mean($close, 3))
Not($close>$open)
Power($close, 2)
Power($close, 0.5)
Power(2, $close/40)
Power($close/$open, $high/$low)
Power($close-$open, 3)
$close ** 0.5
2 ** ($close/40)
Add($close, $open)
Add($close, 0.1)
Sub($close, $open)
Sub(1, $close)
Mul($close, $volume)
Mul($close, 0.1)
Div($close, $volume)
Div(1, $volume)
Div($close-$open, $volume)
Div($close, 0)
Greater($close, $open)
Greater($close-$open, 0)
Greater(Mean($close, 3), $open)
Greater($close>$open, $high>$low)
Less($close, $open)
Less(Mean($close, 3), $open)
Less($volume, 1000)
Gt($close, $open)
Ge($close, Ref($close, 1))
Lt($close, $open)
Le($close, Ref($close, 1))
Eq($close, Ref($close, 1))
Ne($close, Ref($close, 1))
$close == Ref($close, 1)
$close != Ref($close, 1)
1 < $close
$close > 50.1
$volume >= 1000
And($close>$open, $high>Ref($high, 1))
Or($close>$open, $high>Ref($high, 1))
And(Not($close>$open), $volume>0)
($close>$open) & ($high>Ref($high, 1))
($close>$open) | ($high>Ref($high, 1))
If($close>$open, $close, $open)
If($close>$open, 1, -1)
If($close>$open, $close, 0.1)
If($close>$open, $close>50, $open>50)
If($close-$open, Mean($close, 3), $open)
If($close>$open, $volume, $high>$low)
If($volume==0, 0, $close/$volume)
($close>$open)*2
($close>$open)*0.1+$close
($close>$open)+($high>$low)
($close>$open)*($high>$low)
($close>$open)*2/3*$close
$close*0.1+$open/3-1e-3
10-2-$close
2*3-$close/7
$close-$open*$high/$low
-1*$close
$close*-2
Mean($close, 5)/$close*0.1
"""

NESTED = """
Ref($close > $open, 1)
Ref($close > $open, -2)
Ref(Mean($close, 3), -1)
Delta(Log($close), 5)
Mean(Ref($close > $open, 1), 3)
Mean($close > $open, 5)
Sum($close > Ref($close, 1), 20)
Std($close > Ref($close, 1), 5)
Max($close > $open, 3)
IdxMax($close > $open, 5)
Rank($close > $open, 5)
Count($close > $open, 5)
Slope($close > $open, 5)
WMA($close > $open, 3)
EMA($close > $open, 5)
Mean(Log($volume+1), 5)
Std($close/Ref($close, 1)-1, 20)
Skew($close/Ref($close, 1)-1, 20)
Kurt($close/Ref($close, 1)-1, 20)
Rank($volume/Ref($volume, 1), 5)
Slope($volume/Ref($volume, 1), 5)
Mad($volume/Ref($volume, 1), 5)
Max(Min($low, 3), 5)
Mean(Rank($close, 5), 3)
Sum(Abs(Delta($close, 1)), 5)
(EMA($close, 12)-EMA($close, 26))/$close
EMA((EMA($close, 12)-EMA($close, 26))/$close, 9)
($close-Mean($close, 20))/(2*Std($close, 20))
Corr(Rank($close, 5), Rank($volume, 5), 5)
Corr($close, Ref($close, 1), 5)
Cov($close > $open, $high, 5)
Sum($close*$volume, 5)/Sum($volume, 5)
If(Count($close, 5)>=5, Mean($close, 5), $close)
Ref($close, -2)/Ref($close, -1) - 1
"""

# Conditions that were moved and so have holes: pandas keeps them as Python objects.
HOLED = """
And(Ref($close>$open, 1), $close>$open)
And($close>$open, Ref($close>$open, 1))
And(Ref($close>$open, 1), Ref($high>Ref($high, 1), 3))
And(Ref($close>$open, -2), Ref($close>$open, 2))
And(Ref(Ref($close>$open, 1), 2), $close>$open)
And(Ref(Ref($close>$open, 2), 0), $close>$open)
And(If($close>50, Ref($close>$open, 1), $close>$open), $high>Ref($high, 1))
And(Greater(Ref($close>$open, 2), $close>50), $close>$open)
And(Abs(Ref($close>$open, 1)), $close>$open)
(Ref($close>$open, 1)) & ($close>$open)
(Ref($close>$open, 1)) | ($close>$open)
Not(And(Ref($close>$open, 1), $close>$open))
Or(Ref($close>$open, 1), $close>$open)
Or($close>$open, Ref($close>$open, 1))
Or(Ref($close>$open, 1), Ref($high>Ref($high, 1), 3))
Or(Ref($close>$open, 3), Ref($high>Ref($high, 1), 1))
Or(Ref($close>$open, -2), Ref($close>$open, 2))
Sum(And(Ref($close>$open, 1), $close>$open), 5)
Delta($close>$open, 1)
Delta($close>$open, -2)
Delta(Ref($close>$open, 1), 1)
Delta(Ref($close>$open, 1), 0)
Mean(Delta($close>$open, 1), 3)
Greater(Ref($close>$open, 2), $close>$open)
Greater($close>$open, Ref($close>$open, 2))
Greater(Ref($close>$open, 2), Ref($high>Ref($high, 1), 3))
Greater(Ref($close>$open, 2), $close)
Greater($close, Ref($close>$open, 2))
Greater(Ref($close>$open, 2), Mean($close, 3))
Greater(Ref($close>$open, 2), 0.5)
Greater(0.5, Ref($close>$open, 2))
Less(Ref($close>$open, 2), $close>$open)
Less($close>$open, Ref($close>$open, 2))
Less(Ref($close>$open, 2), Ref($high>Ref($high, 1), 3))
Less(Ref($close>$open, 2), $close)
Less($close, Ref($close>$open, 2))
Less(Mean($close, 3), Ref($close>$open, 2))
Less(Ref($close>$open, 2), 0.5)
Less(0.5, Ref($close>$open, 2))
Ref($close>$open, 1)+($close>$open)
Ref($close>$open, 1)-($close>$open)
Ref($close>$open, 1)*Ref($high>$open, 2)
Ref($close>$open, 1)*0.1+0.2
(Ref($close>$open, 1)+$close)*0.1
Ref($close>$open, 1)+Mean($close, 3)
Ref($close>$open, 1) > ($close>$open)
Ref($close>$open, 1) != Ref($high>$open, 1)
Ref($close>$open, 1) == 1
Sign(Ref($close>$open, 1))
If(Ref($close>$open, 1), $close, $open)
If($close>50, Ref($close>$open, 1), $close>$open)
If($close>50, Ref($close>$open, 1), $close)
If($close>50, Ref($close>$open, 1), 0)
Ref(Ref($close>$open, 1), 2)
Ref(Ref($close>$open, 1), -2)
Count(Ref($close>$open, 1), 3)
"""


def lines(text):
    return [line for line in text.splitlines() if line]


def expressions():
    """Every operator over its windows, combinations, and the shapes of Qlib's own sets."""
    for operator in ROLLING:
        for field in ["$close", "$volume"]:
            yield from (f"{operator}({field}, {window})" for window in WINDOWS)
    yield from ["EMA($close, 0.1)", "EMA($close, 0.5)", "EMA($volume, 0.5)", "EMA($close, 1.5)"]
    for q in [0, 0.2, 0.5, 0.8, 1]:
        yield from (f"Quantile($close, {window}, {q})" for window in WINDOWS)
    for operator in ["Corr", "Cov"]:
        for pair in ["$close, $high", "$close, Log($volume+1)"]:
            yield from (f"{operator}({pair}, {window})" for window in WINDOWS)
    for operator in ["Ref", "Delta"]:
        yield from (f"{operator}($close, {bars})" for bars in [-20, -3, -1, *WINDOWS])
    yield from lines(ELEMENTWISE)
    yield from lines(NESTED)
    yield from lines(HOLED)
    yield from Alpha158DL.get_feature_config(
        {
            "kbar": {},
            "price": {"windows": [0], "feature": ["OPEN", "HIGH", "LOW", "VWAP"]},
            "rolling": {"windows": [5, 20]},
        }
    )[0]
    alpha360, names = Alpha360DL.get_feature_config()
    for source, name in zip(alpha360, names):
        if int(name.strip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")) in [0, 1, 20]:
            yield source


def fractional():
    """Exponential means under rolling operators' names."""
    for operator in FRACTIONAL:
        for field in ["$close", "$volume"]:
            yield from (f"{operator}({field}, {fraction})" for fraction in FRACTIONS)
        yield f"{operator}($close > $open, 0.5)"
        yield f"{operator}($close/Ref($close, 1)-1, 0.1)"


# Evaluation


class Feature(ops.Feature):
    """Qlib's leaf, with its series at hand."""

    fields = {}

    def _load_internal(self, instrument, start_index, end_index, *args):
        return pd.Series(Feature.fields[self._name])


Operators.register([op for op in ops.OpsList if op is not ops.Feature] + [Feature])


def tree(source):
    return eval(parse_field(source), {"Operators": Operators})


def answer(source, fields):
    """What pyqlib answers, or None where it refuses."""
    H.clear()
    Feature.fields = fields
    try:
        return tree(source).load("X", None, None).astype(np.float32).to_numpy()
    except (ValueError, TypeError):
        return None


def agree(ours, theirs):
    both_nan = np.isnan(ours) & np.isnan(theirs)
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    with np.errstate(invalid="ignore"):
        near = np.abs(ours - theirs) <= 2e-6 * np.abs(theirs) + 1e-9
    return both_nan | (ours == theirs) | near


def noise(source, fields, answers):
    """The bars at which pyqlib disagrees with itself when bars outside the window are cut off."""
    noisy = np.zeros(len(answers), dtype=bool)
    reach, _ = tree(source).get_extended_window_size()
    reach += source.count("Delta(")  # Qlib counts N bars for it, and it reads N + 1
    if reach == 0 or ", -" in source:  # without a window, or with a look ahead
        return noisy
    for start, stop in cuts(source, reach, len(answers)):
        again = answer(source, {name: values[start:stop] for name, values in fields.items()})
        known = slice(reach if start else 0, None)
        noisy[start:stop][known] |= ~agree(again[known], answers[start:stop][known])
    return noisy & ~lost_for_good(answers)


def cuts(source, reach, bars):
    """Shorter series to ask about: without their last bars, and without their first."""
    yield from ((0, stop) for stop in range(1, bars))
    # EMA and windows of 0 look back on everything, and nothing ever leaves their sums.
    if "EMA(" not in source and ", 0)" not in source:
        yield from ((start, bars) for start in range(1, bars - reach))


def lost_for_good(answers):
    """Where everything up to the end is NaN.

    An infinity that enters Qlib's own sums (Slope, Rsquare, Resi) never leaves them. That is no
    rounding error but what these operators mean, and so stays in the table.
    """
    return np.logical_and.accumulate(np.isnan(answers)[::-1])[::-1]


# Writing


def written(value):
    """A float32 in its shortest exact form."""
    if np.isnan(value):
        return "null"
    return f'"{value}"' if np.isinf(value) else str(np.float32(value)).removesuffix(".0")


def row(values, noisy=()):
    cells = [written(value) for value in values]
    for bar in np.flatnonzero(noisy):
        cells[bar] = '"noise"'
    return f"[{','.join(cells)}]"


def table(rows):
    return "{\n" + ",\n".join(f"{json.dumps(name)}:{cells}" for name, cells in rows.items()) + "}"


def answers_of(sources, fields):
    answers = {source: answer(source, fields) for source in dict.fromkeys(sources)}
    return table(
        {
            source: row(values, noise(source, fields, values))
            for source, values in answers.items()
            if values is not None
        }
    )


def case(name, fields):
    fields = {field: values.astype(np.float32) for field, values in fields.items()}
    series = table({field: row(values) for field, values in fields.items()})
    return (
        f'{{"name":{json.dumps(name)},\n"fields":{series},\n'
        f'"expected":{answers_of(expressions(), fields)},\n'
        f'"fractional":{answers_of(fractional(), fields)}}}'
    )


def main():
    cases = ",\n".join(case(name, series()) for name, series in CASES.items())
    document = f'{{"made_by":{json.dumps(MADE_BY)},\n"cases":[{cases}]}}\n'
    (DATA / "qlib_operators.json").write_text(document)
    sources, names = Alpha360DL.get_feature_config()
    pairs = ",\n".join(json.dumps(pair) for pair in zip(names, sources))
    document = f'{{"made_by":{json.dumps(MADE_BY)},\n"features":[\n{pairs}]}}\n'
    (DATA / "qlib_alpha360.json").write_text(document)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    main()
