#!/usr/bin/env python3
"""Writes crates/factors/tests/data/effectiveness.json: what `evaluate` must find.

Two markets, each with its bars and the expected parts of the report in the report's own form:
`gaps` (late listing, missing prices and factors, ties) by pandas, scipy and statsmodels, and
`complete` by alphalens-reloaded itself.

    pip install pandas scipy statsmodels alphalens-reloaded
    python3 scripts/effectiveness-fixtures.py
"""

import json
import math
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from alphalens import performance, utils
from scipy import stats

warnings.filterwarnings("ignore")
TARGET = Path(__file__).parents[1] / "crates/factors/tests/data/effectiveness.json"
PERIODS_PER_YEAR = 252.0


def number(value):
    return None if value is None or not math.isfinite(value) else float(value)


def market(seed, instruments, bars, start):
    """Prices and fields, one frame of bars by instruments each, with at most four decimals."""
    random = np.random.default_rng(seed)
    dates = pd.bdate_range(start, periods=bars)
    names = [f"I{at:02d}" for at in range(instruments)]
    frame = lambda values: pd.DataFrame(values, index=dates, columns=names)
    noise = random.normal(0, 0.02, (bars, instruments))
    level = random.normal(0, 1, (bars, instruments))
    for bar in range(1, bars):
        level[bar] = 0.7 * level[bar - 1] + 0.7 * level[bar]
    drift = np.zeros_like(noise)
    drift[2:] = 0.006 * level[:-2]
    price = 20 * np.exp(np.cumsum(noise + drift, axis=0))
    return random, frame(price.round(3)), frame(level.round(4))


def single(frame):
    """In single precision, as features and labels are."""
    return frame.astype(np.float32).astype(float)


def forward(price, horizon):
    price = price.astype(np.float32)
    return (price.shift(-(horizon + 1)) / price.shift(-1) - np.float32(1)).astype(float)


def correlations(factor, returns, include=None):
    """IC, rank IC and count by bar; bars without are left out."""
    rows = {}
    for bar in factor.index:
        both = pd.DataFrame({"x": factor.loc[bar], "y": returns.loc[bar]})
        if include is not None:
            both = both[include.loc[bar]]
        both = both.dropna()
        if len(both) >= 2 and both.x.nunique() > 1 and both.y.nunique() > 1:
            rows[bar] = (both.x.corr(both.y), stats.spearmanr(both.x, both.y)[0], len(both))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["ic", "rank_ic", "count"])


def newey_west(series, horizon):
    n = len(series)
    lags = min(max(math.floor(4 * (n / 100) ** (2 / 9)), horizon - 1), n - 1)
    fit = sm.OLS(series.values, np.ones(n)).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    t = float(fit.tvalues[0])
    return t, 2 * stats.t.sf(abs(t), n - 1), lags


def statistics(series, horizon):
    t, p = stats.ttest_1samp(series, 0)
    t_nw, p_nw, lags = newey_west(series, horizon)
    return {
        "bars": len(series), "mean": series.mean(), "std": series.std(),
        "icir": series.mean() / series.std(),
        "icir_annualised": series.mean() / series.std() * math.sqrt(PERIODS_PER_YEAR),
        "t": t, "p_value": p, "t_newey_west": t_nw, "p_value_newey_west": p_nw,
        "newey_west_lags": lags, "positive": (series > 0).mean(), "skew": series.skew(),
    }


def both_statistics(ic, horizon):
    return {"ic": statistics(ic.ic, horizon), "rank_ic": statistics(ic.rank_ic, horizon)}


def groups_of(row, count):
    """Groups of one bar: `pandas.qcut`, but equals share the group of their mean rank."""
    row = row.dropna()
    if len(row) < count or row.nunique() < 2:
        return pd.Series(dtype=int)
    above = row.rank() - 1
    groups = np.ceil((above * count / (len(row) - 1)).round(9)).clip(lower=1).astype(int)
    if row.is_unique:
        assert (groups == pd.qcut(row.rank(), count, labels=False) + 1).all()
    return groups


def quantile_returns(groups, returns, horizon, count):
    by_bar = {bar: returns.loc[bar, of.index].groupby(of).mean() for bar, of in groups.items() if len(of)}
    by_bar = pd.DataFrame(by_bar).T.reindex(columns=range(1, count + 1))
    spread = (by_bar[count] - by_bar[1]).dropna()
    t, p, _ = newey_west(spread, horizon)
    mean = by_bar.mean()
    members = pd.DataFrame({bar: of.value_counts() for bar, of in groups.items() if len(of)}).T.fillna(0)
    return by_bar, {
        "mean": [number(value) for value in mean],
        "members": [float(value) for value in members.reindex(columns=mean.index).mean()],
        "spread": {
            "bars": len(spread), "mean": spread.mean(), "std": spread.std(),
            "sharpe_annualised": spread.mean() / spread.std() * math.sqrt(PERIODS_PER_YEAR / horizon),
            "t_newey_west": t, "p_value_newey_west": p, "positive": (spread > 0).mean(),
        },
        "monotonicity": stats.spearmanr(mean.index, mean)[0],
    }


def turnover(factor, groups, count, lags):
    dates = list(factor.index)
    rows = []
    for lag in lags:
        new = {1: [], count: []}
        correlation = []
        for before, now in zip(dates, dates[lag:]):
            for group, shares in new.items():
                old = set(groups[before][groups[before] == group].index)
                members = set(groups[now][groups[now] == group].index)
                if old and members:
                    shares.append(len(members - old) / len(members))
            both = pd.DataFrame({"x": factor.loc[now], "y": factor.loc[before]}).dropna()
            if len(both) >= 2 and both.x.nunique() > 1 and both.y.nunique() > 1:
                correlation.append(stats.spearmanr(both.x, both.y)[0])
        rows.append({"lag": lag, "top": np.mean(new[count]), "bottom": np.mean(new[1]),
                     "rank_autocorrelation": np.mean(correlation)})
    return rows


def by_period(ic, dates, name):
    mean = ic.groupby(ic.index.strftime(name)).mean()
    mean = mean.reindex(sorted(set(dates.strftime(name))))
    return {"ic": [number(v) for v in mean.ic], "rank_ic": [number(v) for v in mean.rank_ic]}


def expected(name, factor, price, listed, horizons, count, universe, sector):
    groups = {bar: groups_of(factor.loc[bar], count) for bar in factor.index}
    shares = factor.notna().sum(axis=1) / listed.sum(axis=1)
    result = {
        "name": name,
        "coverage": {
            "cells": int(listed.values.sum()), "present": int(factor.notna().values.sum()), "infinite": 0,
            "mean": shares.mean(), "least": shares.min(), "bars_without": int((shares == 0).sum()),
        },
        "horizons": [], "turnover": turnover(factor, groups, count, sorted({1, *horizons})),
        "universes": [{"name": "half", "horizons": []}], "groups": [],
    }
    for horizon in horizons:
        returns = forward(price, horizon)
        ic = correlations(factor, returns)
        by_bar, quantiles = quantile_returns(groups, returns, horizon, count)
        result["horizons"].append({
            "horizon": horizon, **both_statistics(ic, horizon), "instruments": ic["count"].mean(),
            "quantiles": quantiles, "years": by_period(ic, factor.index, "%Y"),
            "months": by_period(ic, factor.index, "%Y-%m"),
        })
        half = correlations(factor, returns, universe)
        result["universes"][0]["horizons"].append({"horizon": horizon, **both_statistics(half, horizon)})
        if horizon == horizons[0]:
            for code in sorted(set(sector.stack().dropna())):
                of = correlations(factor, returns, sector == code)
                result["groups"].append({"name": str(int(code)),
                                         "horizons": [{"horizon": horizon, **both_statistics(of, horizon)}]})
            summed = lambda values: [float(v) for v in values.reindex(factor.index).fillna(0).cumsum()]
            result["curves"] = {
                "ic": summed(ic.ic), "rank_ic": summed(ic.rank_ic),
                "quantiles": [summed(by_bar[group] / horizon) for group in by_bar],
                "spread": summed((by_bar[count] - by_bar[1]) / horizon),
            }
    return result


def fields(frames, listed):
    """Rows by instrument and bar; null where missing."""
    rows = []
    for name in listed.columns:
        for bar in listed.index[listed[name]]:
            values = [number(frame.loc[bar, name]) for frame in frames.values()]
            rows.append([name, str(bar.date()), *values])
    return {"fields": list(frames), "rows": rows}


def gaps():
    random, price, level = market(5, 14, 70, "2020-11-16")
    listed = pd.DataFrame(True, index=price.index, columns=price.columns)
    listed.iloc[:25, 3] = False
    listed.iloc[50:, 8] = False
    price = price.mask(random.random(price.shape) < 0.05).where(listed)
    smooth = level.mask(random.random(level.shape) < 0.08).where(listed)
    smooth.iloc[40] = np.nan
    tied = level.round(0)
    tied.iloc[12] = 1.0
    tied = tied.where(listed)
    sector = pd.DataFrame(np.tile(np.arange(14) % 2 + 1.0, (70, 1)), index=price.index, columns=price.columns)
    sector.iloc[30:, 0] = 2
    sector.iloc[:, 5] = np.nan
    sector = sector.where(listed)
    universe = pd.DataFrame(random.random(level.shape) < 0.7, index=price.index, columns=price.columns) & listed
    frames = {"close": price, "smooth": smooth, "tied": tied, "sector": sector, "half": universe.astype(float)}
    horizons, count = [2, 1, 5], 4
    factors = [expected(name, single(frames[name]), price, listed, horizons, count, universe, sector)
               for name in ("smooth", "tied")]
    return {**fields(frames, listed), "horizons": horizons, "quantiles": count, "factors": factors}


def complete():
    """The last bars have prices but no factor, so that alphalens drops none."""
    _, price, level = market(9, 15, 60, "2021-02-01")
    horizons, count = [1, 3], 5
    level.iloc[-(max(horizons) + 1):] = np.nan
    listed = price.notna()
    stacked = lambda frame: frame.stack().dropna().rename_axis(["date", "asset"])
    factor = stacked(single(level))
    result = {"name": "smooth", "horizons": [], "turnover": []}
    for horizon in horizons:
        column = f"{horizon}D"
        # Of single precision, where closest returns may be equal; all but as alphalens' own.
        returns = stacked(forward(price, horizon)).to_frame(column)
        own = utils.compute_forward_returns(factor, price.shift(-1), periods=(horizon,)).iloc[:, 0]
        assert (returns[column] - own).abs().max() < 1e-6 and own.notna().all()
        data = utils.get_clean_factor(factor, returns, quantiles=count, max_loss=0.01)
        rank_ic = performance.factor_information_coefficient(data)[column]
        mean, _ = performance.mean_return_by_quantile(data, demeaned=False)
        by_bar, _ = performance.mean_return_by_quantile(data, by_date=True, demeaned=False)
        spread, _ = performance.compute_mean_returns_spread(by_bar, count, 1)
        spread *= 2  # alphalens puts half of the capital in each side
        quantile = data.factor_quantile
        top = performance.quantile_turnover(quantile, count, horizon)
        bottom = performance.quantile_turnover(quantile, 1, horizon)
        result["horizons"].append({
            "horizon": horizon,
            "rank_ic": {"bars": len(rank_ic), "mean": rank_ic.mean(), "std": rank_ic.std()},
            "quantiles": {"mean": [float(v) for v in mean[column]],
                          "spread": {"mean": spread[column].mean(), "std": spread[column].std()}},
        })
        result["turnover"].append({
            "lag": horizon, "top": top.mean(), "bottom": bottom.mean(),
            "rank_autocorrelation": performance.factor_rank_autocorrelation(data, horizon).mean(),
        })
    return {**fields({"close": price, "smooth": level}, listed), "horizons": horizons, "quantiles": count,
            "factors": [result]}


def main():
    packages = ("pandas", "numpy", "scipy", "statsmodels", "alphalens-reloaded")
    made_by = ", ".join(f"{name} {version(name)}" for name in packages)
    fixture = {"made_by": made_by, "gaps": gaps(), "complete": complete()}
    text = json.dumps(fixture, allow_nan=False, default=lambda value: value.item())
    TARGET.write_text(text.replace("], [", "],\n[") + "\n")
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
