"""Makes crates/factors/tests/data/alpha101.json: 70 of the 101 Formulaic Alphas on a made-up market.

    python3.11 -m venv /tmp/alpha-venv
    /tmp/alpha-venv/bin/pip install pandas==2.3.3 numpy==2.4.6
    /tmp/alpha-venv/bin/python scripts/alpha101-fixtures.py

The alphas are written here by hand, in the words of the paper (Kakushadze 2015, arXiv:1601.00991,
appendix A) and apart from the expressions of crates/factors, which the test holds against them.
Operators look at one window at a time, the slow and plain way. Frames are bars by instruments.

Ranks and comparisons turn a rounding error into a jump where two values are equal but for rounding.
So all is computed again with every statistic disturbed in its 8th digit; a value that this moves by
more than the test allows is written as "noise". Alphas that rank little else than sums of ranks
(13, 34, 88, 98) are left out for the same reason: whether two such sums are equal hangs on the
order in which they are added.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

FILE = Path(__file__).resolve().parent.parent / "crates/factors/tests/data/alpha101.json"
BARS, INSTRUMENTS, KEPT = 300, 12, 40
GROUPS = ["sector", "industry", "subindustry"]
jitter = None


# The market


def market():
    """Twelve instruments; one is listed late and one is suspended for three of the last bars."""
    rng = np.random.default_rng(101)
    shape = (BARS, INSTRUMENTS)
    # Prices that return to their levels, which lie close enough together to overtake each other.
    drift = rng.normal(0, 0.03, shape)
    for bar in range(1, BARS):
        drift[bar] += 0.9 * drift[bar - 1]
    close = np.array([*np.linspace(0.95, 1.05, 10), 20, 20.5]) * np.exp(drift)
    opening = close * np.exp(rng.normal(0, 0.01, shape))
    high = np.maximum(opening, close) * (1 + np.abs(rng.normal(0, 0.01, shape)) + 1e-3)
    low = np.minimum(opening, close) * (1 - np.abs(rng.normal(0, 0.01, shape)) - 1e-3)
    vwap = low + (high - low) * rng.uniform(0.2, 0.8, shape)
    volume = np.floor(rng.lognormal(12, 0.6, shape))
    cap = close * rng.uniform(1e6, 1e8, INSTRUMENTS)
    fields = {
        "open": opening, "high": high, "low": low, "close": close,
        "volume": volume, "vwap": vwap, "cap": cap,
    }
    for values in fields.values():
        values[:90, 7] = np.nan
        values[275:278, 4] = np.nan
    frames = {name: pd.DataFrame(values.astype(np.float32)) for name, values in fields.items()}
    for name, size in zip(GROUPS, [6, 4, 3]):
        group = np.tile(np.arange(INSTRUMENTS) // size + 1.0, (BARS, 1))
        group[:90, 7] = np.nan
        frames[name] = pd.DataFrame(group)
    return frames


# Operators, as the paper's appendix A.1 names them


def disturbed(x):
    if jitter is None:
        return x
    return x * (1 + 1e-8 * jitter.uniform(-1, 1, x.shape)) + 1e-10 * jitter.uniform(-1, 1, x.shape)


def windows(function, d, *frames):
    """Applies the function to each instrument's last d values, or to those there are so far."""
    arrays = [frame.to_numpy(dtype=float) for frame in frames]
    result = np.full(arrays[0].shape, np.nan)
    for bar in range(BARS):
        for i in range(INSTRUMENTS):
            # Before its listing an instrument has no bars at all.
            first = max(90 if i == 7 else 0, bar - d + 1)
            if first <= bar:
                result[bar, i] = function(*(a[first : bar + 1, i] for a in arrays))
    return pd.DataFrame(result)


def present(function):
    """Leaves missing values out of the window; without any value the answer is missing."""

    def apply(window):
        window = window[~np.isnan(window)]
        return function(window) if len(window) else np.nan

    return apply


def percentile(window):
    """The last value's mean rank among those of the window."""
    last, window = window[-1], window[~np.isnan(window)]
    if np.isnan(last):
        return np.nan
    return ((window < last).sum() + ((window == last).sum() + 1) / 2) / len(window)


def sample_deviation(window):
    return np.std(window, ddof=1) if len(window) > 1 else np.nan


def flat(window):
    """Qlib's measure of a window without movement, whose correlation is missing."""
    return abs(present(sample_deviation)(window)) <= 2e-5


def pearson(x, y):
    both = ~np.isnan(x) & ~np.isnan(y)
    if flat(x) or flat(y) or both.sum() < 2:
        return np.nan
    if flat(x[both]) or flat(y[both]):
        return np.nan if jitter is None else 0.0  # nothing over nothing, so noise
    return np.corrcoef(x[both], y[both])[0, 1]


def linear_decay(d):
    weights = np.arange(1, d + 1) / (d * (d + 1) / 2)
    return lambda window: weights @ window if len(window) == d else np.nan


def rank(x):
    return x.rank(axis=1, pct=True)


def scale(x):
    return x.div(x.abs().sum(axis=1), axis=0)


def indneutralize(x, group):
    means = [x.loc[bar].groupby(group.loc[bar]).transform("mean") for bar in x.index]
    return x - pd.DataFrame(means)


def delay(x, d):
    return x.shift(d)


def delta(x, d):
    return x - x.shift(d)


def correlation(x, y, d):
    return disturbed(windows(pearson, d, x, y))


def stddev(x, d):
    return disturbed(windows(present(sample_deviation), d, x))


def ts_sum(x, d):
    return disturbed(windows(present(np.sum), d, x))


def ts_min(x, d):
    return windows(present(np.min), d, x)


def ts_max(x, d):
    return windows(present(np.max), d, x)


def ts_rank(x, d):
    return windows(percentile, d, x)


def place(function):
    """Counts from 1, the oldest; as in Qlib the first missing value takes the place."""
    return lambda window: np.nan if np.isnan(window).all() else function(window) + 1.0


def ts_argmax(x, d):
    return windows(place(np.argmax), d, x)


def ts_argmin(x, d):
    return windows(place(np.argmin), d, x)


def product(x, d):
    return windows(lambda window: np.prod(window) if len(window) == d else np.nan, d, x)


def decay_linear(x, d):
    return disturbed(windows(linear_decay(d), d, x))


def sign(x):
    return np.sign(x)


def log(x):
    return np.log(x)


def where(condition, yes, no):
    return pd.DataFrame(np.where(condition, yes, no))


def least(x, y):
    return pd.DataFrame(np.minimum(x.to_numpy(), y.to_numpy()))


def greatest(x, y):
    return pd.DataFrame(np.maximum(x.to_numpy(), y.to_numpy()))


# The alphas


def alphas(m):
    open_, high, low, close = (m[name].astype(float) for name in ["open", "high", "low", "close"])
    volume, vwap, cap = (m[name].astype(float) for name in ["volume", "vwap", "cap"])
    sector, industry, subindustry = (m[name] for name in GROUPS)
    returns = close / delay(close, 1) - 1

    def adv(d):
        return disturbed(windows(present(np.mean), d, close * volume))

    adv20 = adv(20)
    middle = (high + low) / 2
    position = ((close - low) - (high - close)) / (high - low) * volume
    bend = (delay(close, 20) - delay(close, 10)) / 10 - (delay(close, 10) - close) / 10
    step = delta(close, 1)

    yield 1, rank(ts_argmax(where(returns < 0, stddev(returns, 20), close) ** 2, 5)) - 0.5
    yield 2, -correlation(rank(delta(log(volume), 2)), rank((close - open_) / open_), 6)
    yield 3, -correlation(rank(open_), rank(volume), 10)
    yield 4, -ts_rank(rank(low), 9)
    yield 5, rank(open_ - ts_sum(vwap, 10) / 10) * -abs(rank(close - vwap))
    yield 6, -correlation(open_, volume, 10)
    move = delta(close, 7)
    yield 7, where(adv20 < volume, -ts_rank(abs(move), 60) * sign(move), -1)
    both = ts_sum(open_, 5) * ts_sum(returns, 5)
    yield 8, -rank(both - delay(both, 10))
    falling = where(ts_max(step, 5) < 0, step, -step)
    yield 9, where(ts_min(step, 5) > 0, step, falling)
    falling = where(ts_max(step, 4) < 0, step, -step)
    yield 10, rank(where(ts_min(step, 4) > 0, step, falling))
    gap = vwap - close
    yield 11, (rank(ts_max(gap, 3)) + rank(ts_min(gap, 3))) * rank(delta(volume, 3))
    yield 12, sign(delta(volume, 1)) * -step
    yield 14, -rank(delta(returns, 3)) * correlation(open_, volume, 10)
    yield 17, -rank(ts_rank(close, 10)) * rank(delta(step, 1)) * rank(ts_rank(volume / adv20, 5))
    body = close - open_
    yield 18, -rank(stddev(abs(body), 5) + body + correlation(close, open_, 10))
    yield 19, -sign(close - delay(close, 7) + move) * (1 + rank(1 + ts_sum(returns, 250)))
    yield 20, (
        -rank(open_ - delay(high, 1)) * rank(open_ - delay(close, 1)) * rank(open_ - delay(low, 1))
    )
    mean8, mean2, width = ts_sum(close, 8) / 8, ts_sum(close, 2) / 2, stddev(close, 8)
    busy = where(volume / adv20 >= 1, 1, -1)
    yield 21, where(mean8 + width < mean2, -1, where(mean2 < mean8 - width, 1, busy))
    yield 22, -delta(correlation(high, volume, 5), 5) * rank(stddev(close, 20))
    yield 23, where(ts_sum(high, 20) / 20 < high, -delta(high, 2), 0)
    drift = delta(ts_sum(close, 100) / 100, 100) / delay(close, 100)
    yield 24, where(drift <= 0.05, -(close - ts_min(close, 100)), -delta(close, 3))
    yield 26, -ts_max(correlation(ts_rank(volume, 5), ts_rank(high, 5), 5), 3)
    yield 27, where(rank(ts_sum(correlation(rank(volume), rank(vwap), 6), 2) / 2) > 0.5, -1, 1)
    yield 28, scale(correlation(adv20, low, 5) + middle - close)
    inner = log(ts_sum(ts_min(rank(rank(-rank(delta(close - 1, 5)))), 2), 1))
    yield 29, (
        ts_min(product(rank(rank(scale(inner))), 1), 5) + ts_rank(delay(-returns, 6), 5)
    )
    steps = sign(step) + sign(delay(step, 1)) + sign(delay(step, 2))
    yield 30, (1 - rank(steps)) * ts_sum(volume, 5) / ts_sum(volume, 20)
    decayed = decay_linear(-rank(rank(delta(close, 10))), 10)
    yield 31, (
        rank(rank(rank(decayed)))
        + rank(-delta(close, 3))
        + sign(scale(correlation(adv20, low, 12)))
    )
    yield 32, (
        scale(ts_sum(close, 7) / 7 - close) + 20 * scale(correlation(vwap, delay(close, 5), 230))
    )
    yield 35, (
        ts_rank(volume, 32) * (1 - ts_rank(close + high - low, 16)) * (1 - ts_rank(returns, 32))
    )
    yield 36, (
        2.21 * rank(correlation(body, delay(volume, 1), 15))
        + 0.7 * rank(open_ - close)
        + 0.73 * rank(ts_rank(delay(-returns, 6), 5))
        + rank(abs(correlation(vwap, adv20, 6)))
        + 0.6 * rank((ts_sum(close, 200) / 200 - open_) * body)
    )
    yield 37, rank(correlation(delay(-body, 1), close, 200)) + rank(-body)
    yield 39, (
        -rank(move * (1 - rank(decay_linear(volume / adv20, 9))))
        * (1 + rank(ts_sum(returns, 250)))
    )
    yield 40, -rank(stddev(high, 10)) * correlation(high, volume, 10)
    yield 41, (high * low) ** 0.5 - vwap
    yield 42, rank(vwap - close) / rank(vwap + close)
    yield 43, ts_rank(volume / adv20, 20) * ts_rank(-move, 8)
    yield 46, where(bend > 0.25, -1, where(bend < 0, 1, -step))
    yield 47, (
        rank(1 / close) * volume / adv20 * (high * rank(high - close) / (ts_sum(high, 5) / 5))
        - rank(vwap - delay(vwap, 5))
    )
    echo = correlation(step, delta(delay(close, 1), 1), 250) * step / close
    yield 48, (
        indneutralize(echo, subindustry) / ts_sum((step / delay(close, 1)) ** 2, 250)
    )
    yield 49, where(bend < -0.1, 1, -step)
    yield 51, where(bend < -0.05, 1, -step)
    yield 52, (
        (-ts_min(low, 5) + delay(ts_min(low, 5), 5))
        * rank((ts_sum(returns, 240) - ts_sum(returns, 20)) / 220)
        * ts_rank(volume, 5)
    )
    yield 53, -delta(((close - low) - (high - close)) / (close - low), 9)
    yield 54, -(low - close) * open_**5 / ((low - high) * close**5)
    stochastic = (close - ts_min(low, 12)) / (ts_max(high, 12) - ts_min(low, 12))
    yield 55, -correlation(rank(stochastic), rank(volume), 6)
    yield 56, -(
        rank(ts_sum(returns, 10) / ts_sum(ts_sum(returns, 2), 3)) * rank(returns * cap)
    )
    yield 57, -(close - vwap) / decay_linear(rank(ts_argmax(close, 30)), 2)
    yield 58, (
        -ts_rank(decay_linear(correlation(indneutralize(vwap, sector), volume, 3), 7), 5)
    )
    yield 60, -(2 * scale(rank(position)) - scale(rank(ts_argmax(close, 10))))
    yield 61, rank(vwap - ts_min(vwap, 16)) < rank(correlation(vwap, adv(180), 17))
    order = rank(open_) + rank(open_) < rank(middle) + rank(high)
    yield 62, -1.0 * (rank(correlation(vwap, ts_sum(adv20, 22), 9)) < rank(order))
    mix = vwap * 0.318108 + open_ * (1 - 0.318108)
    yield 63, -(
        rank(decay_linear(delta(indneutralize(close, industry), 2), 8))
        - rank(decay_linear(correlation(mix, ts_sum(adv(180), 37), 13), 12))
    )
    yield 66, -(
        rank(decay_linear(delta(vwap, 3), 7))
        + ts_rank(decay_linear((low - vwap) / (open_ - middle), 11), 6)
    )
    yield 67, -(
        rank(high - ts_min(high, 2))
        ** rank(correlation(indneutralize(vwap, sector), indneutralize(adv20, subindustry), 6))
    )
    mix = close * 0.490655 + vwap * (1 - 0.490655)
    yield 69, -(
        rank(ts_max(delta(indneutralize(vwap, industry), 2), 4))
        ** ts_rank(correlation(mix, adv20, 4), 9)
    )
    yield 71, greatest(
        ts_rank(decay_linear(correlation(ts_rank(close, 3), ts_rank(adv(180), 12), 18), 4), 15),
        ts_rank(decay_linear(rank(low + open_ - (vwap + vwap)) ** 2, 16), 4),
    )
    yield 72, (
        rank(decay_linear(correlation(middle, adv(40), 8), 10))
        / rank(decay_linear(correlation(ts_rank(vwap, 3), ts_rank(volume, 18), 6), 2))
    )
    mix = open_ * 0.147155 + low * (1 - 0.147155)
    yield 73, -greatest(
        rank(decay_linear(delta(vwap, 4), 2)),
        ts_rank(decay_linear(-delta(mix, 2) / mix, 3), 16),
    )
    yield 76, -greatest(
        rank(decay_linear(delta(vwap, 1), 11)),
        ts_rank(
            decay_linear(ts_rank(correlation(indneutralize(low, sector), adv(81), 8), 19), 17), 19
        ),
    )
    yield 77, least(
        rank(decay_linear(middle + high - (vwap + high), 20)),
        rank(decay_linear(correlation(middle, adv(40), 3), 5)),
    )
    mix = open_ * 0.868128 + high * (1 - 0.868128)
    yield 80, -(
        rank(sign(delta(indneutralize(mix, industry), 4)))
        ** ts_rank(correlation(high, adv(10), 5), 5)
    )
    powers = rank(rank(correlation(vwap, ts_sum(adv(10), 49), 8)) ** 4)
    yield 81, -1.0 * (
        rank(log(product(powers, 14))) < rank(correlation(rank(vwap), rank(volume), 5))
    )
    yield 82, -least(
        rank(decay_linear(delta(open_, 1), 14)),
        ts_rank(decay_linear(correlation(indneutralize(volume, sector), open_, 17), 6), 13),
    )
    spread = (high - low) / (ts_sum(close, 5) / 5)
    yield 83, rank(delay(spread, 2)) * rank(rank(volume)) / (spread / (vwap - close))
    yield 84, ts_rank(vwap - ts_max(vwap, 15), 20) ** delta(close, 4)
    mix = high * 0.876703 + close * (1 - 0.876703)
    yield 85, (
        rank(correlation(mix, adv(30), 9))
        ** rank(correlation(ts_rank(middle, 3), ts_rank(volume, 10), 7))
    )
    yield 90, -(
        rank(close - ts_max(close, 4))
        ** ts_rank(correlation(indneutralize(adv(40), subindustry), low, 5), 3)
    )
    yield 92, least(
        ts_rank(decay_linear((middle + close < low + open_).astype(float), 14), 18),
        ts_rank(decay_linear(correlation(rank(low), rank(adv(30)), 7), 6), 6),
    )
    twice = indneutralize(indneutralize(rank(position), subindustry), subindustry)
    other = correlation(close, rank(adv20), 5) - rank(ts_argmin(close, 30))
    yield 100, -(
        (1.5 * scale(twice) - scale(indneutralize(other, subindustry))) * (volume / adv20)
    )
    yield 101, (close - open_) / (high - low + 0.001)


# Writing


def kept(frame):
    """The last bars, instrument by instrument, as the single precision the engine answers in."""
    return frame.to_numpy(dtype=float)[-KEPT:].T.astype(np.float32)


def agree(ours, theirs):
    both_nan = np.isnan(ours) & np.isnan(theirs)
    near = np.abs(ours - theirs) <= 1e-5 * np.abs(theirs) + 1e-7
    return both_nan | (ours == theirs) | near


def cells(values, steady=None):
    def cell(value, is_steady):
        if not is_steady:
            return "noise"
        return None if np.isnan(value) else float(str(np.float32(value)))

    steady = np.ones(values.shape, dtype=bool) if steady is None else steady
    return [[cell(*pair) for pair in zip(*rows)] for rows in zip(values, steady)]


def main():
    global jitter
    fields = market()
    answers = {f"alpha{number:03}": kept(alpha) for number, alpha in alphas(fields)}
    steady = {name: np.ones(values.shape, dtype=bool) for name, values in answers.items()}
    for seed in range(6):
        jitter = np.random.default_rng(seed)
        for number, alpha in alphas(fields):
            name = f"alpha{number:03}"
            steady[name] &= agree(kept(alpha), answers[name])
    document = {
        "made_by": f"pandas {pd.__version__}, numpy {np.__version__}",
        "fields": {
            name: cells(frame.to_numpy(dtype=np.float32).T) for name, frame in fields.items()
        },
        "expected": {name: cells(values, steady[name]) for name, values in answers.items()},
    }
    FILE.write_text(json.dumps(document, separators=(",", ":")).replace("]],", "]],\n") + "\n")


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
