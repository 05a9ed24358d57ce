#!/usr/bin/env python3
"""Writes crates/backtest/tests/data/*.json from the reference implementations.

    scripts/backtest-fixtures.py [qlib] [figures] [vectorbt]

Each fixture is made in a private environment, since the packages disagree about their dependencies;
what is missing is installed there. numpy must run on a processor with AVX2 or AVX-512: it decides
about the order of equal scores.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

PACKAGES = {
    "qlib": ["pyqlib==0.9.7"],
    "figures": ["empyrical-reloaded==0.7.1", "quantstats==0.0.86", "arch==8.0.0"],
    "vectorbt": ["vectorbt==1.2.0"],
}


def run_privately(fixture):
    """Writes a fixture with a Python of its own that has its packages."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = cache / "alphafleet/bench" / f"checks-{fixture}"
    python = place / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([python, *install, *PACKAGES[fixture]], check=True)
    subprocess.run([python, __file__, "--here", fixture], check=True)


if __name__ == "__main__" and sys.argv[1:2] != ["--here"]:
    wanted = sys.argv[1:]
    if not wanted or not set(wanted) <= PACKAGES.keys():
        sys.exit(__doc__)
    for wish in wanted:
        run_privately(wish)
    sys.exit()

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

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


def known(values):
    """What is not finite is null: neither package says what it stands for."""
    return {name: float(v) if np.isfinite(v) else None for name, v in values.items()}


def series(rng, bars, scale, drift, benchmark=True):
    """Returns that follow a benchmark, to six places, so that the file stays small."""
    of_benchmark = rng.normal(drift, scale, bars)
    returns = 0.7 * of_benchmark + rng.normal(drift, scale / 2, bars)
    return np.round(returns, 6), np.round(of_benchmark, 6) if benchmark else None


def figure_cases():
    """name: (returns, benchmark, bars a year, rate without risk)"""
    rng = np.random.default_rng(11)
    falling = -np.abs(np.round(rng.normal(0.01, 0.01, 40), 6)) - 1e-6
    return {
        "year": (*series(rng, 500, 0.01, 0.0005), 252, 0.0),
        "falling": (*series(rng, 61, 0.03, -0.002), 365, 0.03),
        "long": (*series(rng, 1200, 0.02, 0.0), 238, 0.01),
        "hundred": (*series(rng, 100, 0.02, 0.001, benchmark=False), 252, 0.0),
        "all_negative": (falling, np.round(rng.normal(0, 0.01, 40), 6), 252, 0.0),
        "constant": (np.full(30, 0.001), np.full(30, 0.0005), 252, 0.0),
        "all_zero": (np.zeros(20), None, 252, 0.0),
        "flat_benchmark": (np.round(rng.normal(0, 0.01, 50), 6), np.zeros(50), 252, 0.0),
        "one_loss": (np.r_[np.full(10, 0.01), -0.02, np.full(9, 0.01)], None, 252, 0.0),
        "one_day": (np.array([0.01]), np.array([0.005]), 252, 0.0),
        "two_days": (np.array([0.01, -0.02]), np.array([0.005, 0.001]), 252, 0.0),
        "all_lost": (np.array([0.05, -1.0]), None, 252, 0.0),
    }


def empyrical_figures(r, b, period, risk_free):
    import empyrical as ep

    daily, root = risk_free / period, np.sqrt(period)
    figures = {
        "total_return": ep.cum_returns_final(r),
        "annual_return": ep.annual_return(r, annualization=period),
        "annual_volatility": ep.annual_volatility(r, annualization=period),
        "sharpe": ep.sharpe_ratio(r, daily, annualization=period),
        "sortino": ep.sortino_ratio(r, daily, annualization=period),
        "calmar": ep.calmar_ratio(r, annualization=period),
        "max_drawdown": ep.max_drawdown(r),
        "value_at_risk": ep.value_at_risk(r),
        "conditional_value_at_risk": ep.conditional_value_at_risk(r),
    }
    if b is not None:
        figures |= {
            "beta": ep.beta(r, b, daily),
            "alpha": ep.alpha(r, b, daily, annualization=period),
            "information_ratio": ep.excess_sharpe(r, b) * root,
        }
    return figures


def quantstats_figures(r, b, period, risk_free):
    import quantstats.stats as qs

    root = np.sqrt(period)
    figures = {
        "total_return": qs.comp(r),
        "annual_return": qs.cagr(r, periods=period),
        "annual_volatility": qs.volatility(r, periods=period),
        # It divides by zero where nothing fell.
        "calmar": qs.calmar(r, periods=period) if qs.max_drawdown(r) < 0 else np.nan,
        "max_drawdown": qs.max_drawdown(r),
        "conditional_value_at_risk": qs.conditional_value_at_risk(r, method="historical"),
        "positive_bars": qs.win_rate(r),
        "best": qs.best(r), "worst": qs.worst(r),
        # Of trades, were each bar's return the gain of one.
        "trades.profit_factor": qs.profit_factor(r),
        "trades.average_gain": qs.avg_win(r),
        "trades.average_loss": qs.avg_loss(r),
    }
    if risk_free == 0.0:  # It spreads a yearly rate by compounding, we by division.
        figures |= {"sharpe": qs.sharpe(r, periods=period), "sortino": qs.sortino(r, periods=period)}
    if b is not None:
        figures |= {"information_ratio": qs.information_ratio(r, b) * root,
                    "beta": qs.greeks(r, b, period)["beta"]}
    return figures


def numpy_figures(r, b, period):
    """What neither package has, by numpy, pandas and SciPy."""
    import scipy.stats as st

    figures = {"skewness": st.skew(r), "kurtosis": st.kurtosis(r, fisher=False)}
    if b is not None:
        figures |= {"tracking_error": (r - b).std() * np.sqrt(period),
                    "correlation": r.corr(b)}
    return figures


def trademaster_figures(r):
    """`evaualte` of TradeMaster 1.0.0's portfolio management environment, line by line."""
    assets = pd.Series(np.cumprod(np.r_[1.0, 1.0 + r.to_numpy()]) * 1000.0)
    steps = (assets / assets.shift(1) - 1).to_numpy()[1:]
    daily = pd.Series(np.r_[0.0, steps])
    fall = ((assets.cummax() - assets) / assets.cummax()).max()
    return {
        "trademaster.total_return": assets.iloc[-1] / (assets.iloc[0] + 1e-10) - 1,
        "trademaster.sharpe": np.mean(steps) * 252 ** 0.5 / (np.std(steps) + 1e-10),
        "trademaster.volatility": np.std(steps),
        "trademaster.max_drawdown": fall,
        "trademaster.calmar": np.sum(daily) / (fall + 1e-10),
        "trademaster.sortino": np.sum(daily) / (np.nan_to_num(np.std(daily[daily < 0].to_numpy()), nan=0)
                                                + 1e-10) / (np.sqrt(len(daily)) + 1e-10),
    }


def sharpe_tests(r):
    """Probabilistic ratio of quantstats with the moments it goes by, and the deflated ratio by
    SciPy's normal distribution: of 50 trials whose ratios have a variance of 0.002."""
    import quantstats.stats as qs
    from scipy.stats import norm

    sharpe, n = r.mean() / r.std(), len(r)
    skew, kurtosis = r.skew(), r.kurtosis() + 3
    euler, trials, variance = 0.5772156649015329, 50, 0.002
    best = np.sqrt(variance) * ((1 - euler) * norm.ppf(1 - 1 / trials)
                                + euler * norm.ppf(1 - 1 / (trials * np.e)))
    spread = np.sqrt(1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe ** 2)
    return {"sharpe": sharpe, "skewness": skew, "kurtosis": kurtosis,
            "probabilistic": qs.probabilistic_sharpe_ratio(r),
            "deflated": norm.cdf((sharpe - best) * np.sqrt(n - 1) / spread)}


def figure_tables(r, period, window=60):
    """By month and year, over a moving window, and the falls in order of time."""
    import empyrical as ep
    import quantstats.stats as qs

    days = {str(day.date()): at for at, day in enumerate(r.index)}
    falls = qs.drawdown_details(qs.to_drawdown_series(r))
    return {
        "monthly": plain(ep.aggregate_returns(r, "monthly")),
        "yearly": plain(ep.aggregate_returns(r, "yearly")),
        "window": window,
        "rolling_sharpe": plain(qs.rolling_sharpe(r, 0.0, window, True, period).dropna()),
        "rolling_volatility": plain(qs.rolling_volatility(r, window, period).dropna()),
        "rolling_drawdown": plain(ep.roll_max_drawdown(r, window=window)),
        # The first and last bar below the peak, the lowest, and how low.
        "falls": [[days[start], days[valley], days[end], depth / 100] for start, valley, end, depth
                  in falls[["start", "valley", "end", "max drawdown"]].itertuples(index=False)],
    }


def reality_check_reference():
    """White's reality check by arch: its upper p-value, without studentising."""
    from arch.bootstrap import SPA

    rng = np.random.default_rng(17)
    runs = []
    for drifts in [[0.0] * 5, [0.0, 0.0, 0.0, 0.0, 0.0008], [-0.001, -0.002, 0.0004]]:
        excess = np.round(np.array([rng.normal(d, 0.01, 250) for d in drifts]), 6)
        check = SPA(np.zeros(250), -excess.T, block_size=10, reps=20_000,
                    bootstrap="stationary", studentize=False, seed=1)
        check.compute()
        runs.append({"excess": excess.tolist(), "block": 10, "p_value": float(check.pvalues["upper"])})
    return runs


def figures_fixture():
    cases = []
    for name, (returns, benchmark, period, risk_free) in figure_cases().items():
        index = pd.bdate_range("2020-01-01", periods=len(returns))
        r = pd.Series(returns, index)
        b = None if benchmark is None else pd.Series(benchmark, index)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            case = {
                "name": name, "returns": plain(r), "benchmark": None if b is None else plain(b),
                "bars_per_year": period, "risk_free": risk_free,
                "empyrical": known(empyrical_figures(r, b, period, risk_free)),
                "quantstats": known(quantstats_figures(r, b, period, risk_free)),
                "numpy": known(numpy_figures(r, b, period)),
                "trademaster": known(trademaster_figures(r)),
            }
        if name == "constant":  # Rounding over 1e-10 says nothing.
            del case["trademaster"]["trademaster.sharpe"]
        if name in ("year", "falling", "long"):
            case["tests"] = known(sharpe_tests(r))
        cases.append(case)
    returns, _, period, _ = figure_cases()["year"]
    r = pd.Series(returns, pd.bdate_range("2020-01-01", periods=len(returns)))
    write("figures", {"cases": cases, "tables": figure_tables(r, period) | {"case": "year"},
                      "reality_check": reality_check_reference()})


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
    FIXTURES[sys.argv[2]]()
