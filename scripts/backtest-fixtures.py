#!/usr/bin/env python3
"""Writes crates/backtest/tests/data/*.json from the reference implementations.

Each fixture is made in a private environment, since the packages disagree about their dependencies:

    python3 -m venv /tmp/fx && /tmp/fx/bin/pip install pyqlib==0.9.7
    /tmp/fx/bin/python scripts/backtest-fixtures.py qlib

    … pip install empyrical-reloaded==0.7.1 quantstats==0.0.86   → figures
    … pip install vectorbt==1.2.0                                 → vectorbt

numpy must run on a processor with AVX2 or AVX-512: it decides about the order of equal scores.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

DATA = Path(__file__).resolve().parent.parent / "crates/backtest/tests/data"


def write(name, document):
    DATA.mkdir(parents=True, exist_ok=True)
    path = DATA / f"{name}.json"
    path.write_text(json.dumps(document, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)


def plain(values):
    return [None if np.isnan(v) else float(v) for v in np.asarray(values, dtype=float)]


# Qlib ---------------------------------------------------------------------------------------

FIELDS = ["open", "close", "vwap", "volume", "factor", "change"]


def small_market(seed=7, instruments=30, days=46):
    """Suspensions, limit moves, a factor that is not 1, and scores that are often equal."""
    rng = np.random.default_rng(seed)
    calendar = pd.bdate_range("2020-01-01", periods=days)
    market, scores = {}, {}
    for i in range(instruments):
        returns = rng.normal(0.0, 0.03, days)
        jumps = rng.random(days)
        returns[jumps < 0.03] = 0.1
        returns[jumps > 0.97] = -0.1
        close = 20 * np.exp(rng.normal(0, 0.5)) * np.cumprod(1 + returns)
        factor = np.where(np.arange(days) < rng.integers(5, days), 0.7, 1.4) * rng.uniform(0.5, 2)
        frame = pd.DataFrame({
            "open": close * (1 + rng.normal(0, 0.01, days)), "close": close,
            "vwap": close * (1 + rng.normal(0, 0.005, days)),
            "volume": rng.uniform(2e4, 2e6, days).round(), "factor": factor, "change": returns,
        }, index=calendar).astype("float32")
        frame.loc[rng.random(days) < 0.05, "open"] = np.nan
        frame.loc[rng.random(days) < 0.05] = np.nan
        market[f"S{i:02}"] = frame
        score = np.round(rng.normal(0, 1, days), 1)
        scores[f"S{i:02}"] = pd.Series(np.where(rng.random(days) < 0.03, np.nan, score), calendar)
    return calendar, market, scores


def write_bins(folder, calendar, market):
    (folder / "calendars").mkdir(parents=True)
    (folder / "instruments").mkdir()
    (folder / "calendars/day.txt").write_text("".join(f"{day.date()}\n" for day in calendar))
    span = f"{calendar[0].date()}\t{calendar[-1].date()}"
    (folder / "instruments/all.txt").write_text("".join(f"{name}\t{span}\n" for name in market))
    for name, frame in market.items():
        place = folder / "features" / name.lower()
        place.mkdir(parents=True)
        for field in frame:
            np.hstack([[0], frame[field]]).astype("<f4").tofile(place / f"{field}.day.bin")


LIMIT = ("Gt($change, 0.05)", "Lt($change, -0.05)")
TOPK = {"topk": 8, "n_drop": 3}
# name: (account, exchange in Qlib's words, strategy)
VARIANTS = {
    "plain": (1e7, {}, {}),
    "only_tradable": (1e7, {}, {"only_tradable": True}),
    "hold_thresh": (1e7, {}, {"hold_thresh": 4}),
    "trade_at_limit": (1e7, {}, {"forbid_all_trade_at_limit": False}),
    "risk_degree": (1e7, {}, {"risk_degree": 0.5}),
    "spends_all": (1e7, {}, {"risk_degree": 1.0}),
    "fractions": (1e7, {"trade_unit": None}, {}),
    "single_shares": (1e5, {"trade_unit": 1}, {}),
    "poor": (3e4, {"min_cost": 30.0}, {}),
    "open_to_vwap": (1e7, {"deal_price": ("$open", "$vwap")}, {}),
    "impact": (1e7, {"impact_cost": 0.1}, {}),
    "volume_all": (1e7, {"volume_threshold": ("cum", "0.02*$volume")}, {}),
    "volume_sides": (1e7, {"volume_threshold": {
        "buy": ("current", "0.05*$volume"), "sell": ("cum", "0.01*$volume")}}, {}),
    "no_limit": (1e7, {"limit_threshold": None}, {}),
    "limit_expressions": (1e7, {"limit_threshold": LIMIT}, {}),
    "wide": (1e7, {}, {"topk": 20, "n_drop": 8}),
    "one": (1e6, {}, {"topk": 1, "n_drop": 1}),
    "more_dropped_than_held": (1e7, {}, {"topk": 3, "n_drop": 6}),
}
# Holding n_drop more than topk, Qlib leaves the order of equal scores to that of a Python set.
UNTIED = {"volume_all", "volume_sides"}


def qlib_fixture():
    import qlib
    from qlib.config import C
    from qlib.contrib.evaluate import risk_analysis
    from qlib.contrib.strategy import TopkDropoutStrategy
    from qlib.backtest import backtest

    folder = Path(tempfile.mkdtemp())
    calendar, market, scores = small_market()
    write_bins(folder, calendar, market)
    qlib.init(provider_uri=str(folder), region="cn", kernels=1)
    signal = pd.concat(scores, names=["instrument", "datetime"]).dropna()
    signal = signal.swaplevel().sort_index()
    places = {name: place for place, name in enumerate(market)}
    steps = signal.index.get_level_values("instrument").map(places).to_numpy() * 1e-6
    start, end = calendar[2], calendar[-2]
    runs = {}
    for name, (account, exchange, strategy) in VARIANTS.items():
        settings = {"freq": "day", "deal_price": "close", "open_cost": 0.0005, "min_cost": 5,
                    "close_cost": 0.0015, "limit_threshold": 0.095} | exchange
        C["limit_threshold"] = None  # None is the region's default otherwise
        metrics, _ = backtest(
            start_time=start, end_time=end, account=account, benchmark=["S00", "S01"],
            strategy=TopkDropoutStrategy(signal=signal + steps * (name in UNTIED), **(TOPK | strategy)),
            executor={"class": "SimulatorExecutor", "module_path": "qlib.backtest.executor",
                      "kwargs": {"time_per_step": "day", "generate_portfolio_metrics": True}},
            exchange_kwargs=settings,
        )
        report, positions = metrics["1day"]
        amounts = [
            {k: v["amount"] for k, v in sorted(positions[day].position.items()) if k[0] == "S"}
            for day in report.index
        ]
        risk = {mode: {k: float(v) for k, v in risk_analysis(report["return"], mode=mode)["risk"].items()}
                for mode in ["sum", "product"]}
        columns = ["account", "cash", "total_cost", "total_turnover", "bench"]
        runs[name] = {c: plain(report[c]) for c in columns} | {"amounts": amounts, "risk": risk}
    shutil.rmtree(folder)
    write("qlib_variants", {
        "calendar": [str(day.date()) for day in calendar],
        "start": str(start.date()), "end": str(end.date()),
        "market": {name: {f: plain(frame[f]) for f in FIELDS} for name, frame in market.items()},
        "scores": {name: plain(series) for name, series in scores.items()},
        "runs": runs,
    })


# Figures -------------------------------------------------------------------------------------


def figures_fixture():
    import empyrical as ep
    import quantstats.stats as qs

    rng = np.random.default_rng(11)
    cases = []
    for bars, scale, drift, period, risk_free in [
        (500, 0.01, 0.0005, 252, 0.0), (61, 0.03, -0.002, 365, 0.03), (1200, 0.02, 0.0, 238, 0.01),
    ]:
        benchmark = rng.normal(drift, scale, bars)
        returns = 0.7 * benchmark + rng.normal(drift, scale / 2, bars)
        daily = risk_free / period
        index = pd.bdate_range("2020-01-01", periods=bars)
        r, b = pd.Series(returns, index), pd.Series(benchmark, index)
        root = np.sqrt(period)
        cases.append({
            "returns": plain(r), "benchmark": plain(b), "bars_per_year": period, "risk_free": risk_free,
            "empyrical": {
                "total_return": ep.cum_returns_final(r),
                "annual_return": ep.annual_return(r, annualization=period),
                "annual_volatility": ep.annual_volatility(r, annualization=period),
                "sharpe": ep.sharpe_ratio(r, daily, annualization=period),
                "sortino": ep.sortino_ratio(r, daily, annualization=period),
                "calmar": ep.calmar_ratio(r, annualization=period),
                "max_drawdown": ep.max_drawdown(r),
                "value_at_risk": ep.value_at_risk(r),
                "conditional_value_at_risk": ep.conditional_value_at_risk(r),
                "beta": ep.beta(r, b, daily),
                "alpha": ep.alpha(r, b, daily, annualization=period),
                "information_ratio": ep.excess_sharpe(r, b) * root,
            },
            "quantstats": {
                "positive_bars": qs.win_rate(r),
                "best": qs.best(r), "worst": qs.worst(r),
                "information_ratio": qs.information_ratio(r, b) * root,
                "annual_volatility": qs.volatility(r, periods=period),
                "total_return": qs.comp(r),
            },
        })
        for group in ["empyrical", "quantstats"]:
            cases[-1][group] = {k: float(v) for k, v in cases[-1][group].items()}
    write("figures", cases)


# vectorbt ------------------------------------------------------------------------------------


def vectorbt_fixture():
    import vectorbt as vbt

    rng = np.random.default_rng(5)
    index = pd.bdate_range("2018-01-01", periods=700)
    close = pd.DataFrame(
        {name: 50 * np.exp(np.cumsum(rng.normal(0.0002, 0.02, 700))) for name in "ABC"}, index)
    close = close.round(4)
    fast, slow = close.rolling(10).mean(), close.rolling(30).mean()
    above, both = fast > slow, slow.notna()
    before = above.shift(1, fill_value=False) & both.shift(1, fill_value=False)
    known = both & both.shift(1, fill_value=False)
    entries, exits = above & ~before & known, ~above & before & known
    portfolio = vbt.Portfolio.from_signals(
        close, entries, exits, init_cash=10_000.0, fees=0.001, slippage=0.0005, freq="1D")
    runs = {}
    for name in close:
        one = portfolio[name]
        trades = one.trades.records
        closed = trades[trades["status"] == 1]
        runs[name] = {
            "close": plain(close[name]), "equity": plain(one.value()),
            "fills": [[int(t), int(side), float(size), float(price), float(fee)] for t, side, size, price, fee
                      in one.orders.records[["idx", "side", "size", "price", "fees"]].itertuples(index=False)],
            "trades": [[int(a), int(b), float(pnl)] for a, b, pnl
                       in closed[["entry_idx", "exit_idx", "pnl"]].itertuples(index=False)],
        }
    write("vectorbt", {"first": str(index[0].date()), "fast": 10, "slow": 30, "runs": runs})


FIXTURES = {"qlib": qlib_fixture, "figures": figures_fixture, "vectorbt": vectorbt_fixture}

if __name__ == "__main__":
    for fixture in sys.argv[1:] or sys.exit(__doc__):
        FIXTURES[fixture]()
