"""Writes crates/factors/tests/data/talib_indicators.json: what TA-Lib answers on awkward series.

Usage, in an environment with TA-Lib 0.8.2 (which brings TA-Lib C 0.8.1) and numpy:
    python scripts/indicator-fixtures.py
NaN is written as null. Operators and parameters are those of the expression language.
"""

import json
import pathlib

import numpy as np
import talib

OUT = pathlib.Path(__file__).parent.parent / "crates/factors/tests/data/talib_indicators.json"


def stoch(h, l, c, fast_k, slow_k, slow_d):
    return talib.STOCH(h, l, c, fast_k, slow_k, 0, slow_d, 0)


def bands(c, window, deviations):
    return talib.BBANDS(c, window, deviations, deviations, 0)


# Operators that share a call, the call, its series, and parameters to try.
CALLS = [
    (["SMA"], talib.SMA, "c", [[1], [5], [20]]),
    (["TaEMA"], talib.EMA, "c", [[1], [2], [20]]),
    (["TaWMA"], talib.WMA, "c", [[1], [3], [20]]),
    (["BBUpper", "BBMiddle", "BBLower"], bands, "c", [[2, 1.0], [20, 2.0]]),
    (["SAR"], talib.SAR, "hl", [[0.02, 0.2], [0.1, 0.05]]),
    (["MACD", "MACDSignal", "MACDHist"], talib.MACD, "c", [[12, 26, 9], [6, 3, 1], [2, 2, 1]]),
    (["ADX"], talib.ADX, "hlc", [[2], [14]]),
    (["PlusDI"], talib.PLUS_DI, "hlc", [[1], [14]]),
    (["MinusDI"], talib.MINUS_DI, "hlc", [[1], [14]]),
    (["RSI"], talib.RSI, "c", [[2], [14]]),
    (["StochK", "StochD"], stoch, "hlc", [[14, 3, 3], [1, 1, 1]]),
    (["WillR"], talib.WILLR, "hlc", [[2], [14]]),
    (["CCI"], talib.CCI, "hlc", [[2], [20]]),
    (["ROC"], talib.ROC, "c", [[1], [10]]),
    (["OBV"], talib.OBV, "cv", [[]]),
    (["AD"], talib.AD, "hlcv", [[]]),
    (["MFI"], talib.MFI, "hlcv", [[2], [14]]),
    (["ATR"], talib.ATR, "hlc", [[1], [14]]),
    (["NATR"], talib.NATR, "hlc", [[1], [14]]),
]


def bars(close, spread, volume, rng):
    """High and low about a close, by up to `spread`."""
    high = close + spread * rng.random(len(close))
    low = close - spread * rng.random(len(close))
    return {"h": high, "l": low, "c": close, "v": np.asarray(volume, float)}


def ties(count, rng):
    """Whole-number prices that repeat, bars without a range, days without volume."""
    close = 10.0 + np.cumsum(rng.integers(-1, 2, count))
    high = close + rng.integers(0, 2, count)
    low = close - rng.integers(0, 2, count)
    return {"h": high, "l": low, "c": close, "v": rng.integers(0, 3, count) * 100.0}


def series():
    rng = np.random.default_rng(20260101)
    walk = lambda count, scale: scale * np.exp(np.cumsum(0.02 * rng.standard_normal(count)))
    volume = lambda count: np.round(rng.lognormal(12, 1, count))
    yield "random", bars(walk(220, 50.0), 1.0, volume(220), rng)
    yield "ties", ties(120, rng)
    yield "constant", bars(np.full(60, 10.1), 0.0, np.full(60, 1e5), rng)
    yield "flat_after_random", bars(
        np.r_[walk(40, 7.3), np.full(50, 7.77)], np.r_[np.ones(40), np.zeros(50)], volume(90), rng)
    yield "zero_volume", bars(walk(60, 3.0), 0.1, np.zeros(60), rng)
    yield "volume_stops", bars(walk(70, 3.0), 0.1, np.r_[volume(30), np.zeros(40)], rng)
    yield "rising", bars(np.linspace(1.0, 80.0, 60), 0.5, volume(60), rng)
    yield "falling", bars(np.linspace(80.0, 1.0, 60), 0.5, volume(60), rng)
    spike = walk(80, 5.0)
    spike[30] *= 1e6
    yield "spike", bars(spike, 0.1, volume(80), rng)
    yield "tiny", bars(walk(60, 1e-9), 1e-10, volume(60), rng)
    yield "huge", bars(walk(60, 1e9), 1e7, volume(60), rng)
    zeros = walk(60, 2.0)
    zeros[::7] = 0.0
    yield "zeros_in_close", bars(zeros, 0.2, volume(60), rng)
    yield "negative", bars(np.cumsum(rng.standard_normal(60)), 0.3, volume(60), rng)
    yield "short", bars(walk(13, 20.0), 0.4, volume(13), rng)
    yield "two_bars", bars(walk(2, 20.0), 0.4, volume(2), rng)
    yield "one_bar", bars(walk(1, 20.0), 0.4, volume(1), rng)


def listed(column):
    return [None if np.isnan(value) else float(value) for value in column]


def answers(data):
    for names, call, inputs, choices in CALLS:
        for parameters in choices:
            columns = call(*(data[key] for key in inputs), *parameters)
            columns = columns if len(names) > 1 else [columns]
            for name, column in zip(names, columns, strict=True):
                yield {"operator": name, "parameters": parameters, "values": listed(column)}


def main():
    cases = []
    for name, data in series():
        data = {key: np.asarray(column, float) for key, column in data.items()}
        names = {"h": "high", "l": "low", "c": "close", "v": "volume"}
        cases.append({
            "series": name,
            "inputs": {names[key]: listed(column) for key, column in data.items()},
            "answers": list(answers(data)),
        })
    versions = {
        "talib_c": talib.__ta_version__.decode(),
        "talib": talib.__version__,
        "numpy": np.__version__,
    }
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(f'{{"versions":{json.dumps(versions)},"cases":[\n{lines}\n]}}\n')


main()
