"""Peers of the benchmarks of backtests, for comparison; see bench_peer.py about turns.

Usage: bench-backtest.py qlib|vectorbt|nautilus|sweep MARKET.parquet, with the parameters as a first
line of JSON on standard input.

    qlib      backtest_daily with TopkDropoutStrategy on the scores of the file
              {"period", "capital", "benchmark", "strategy"}
    vectorbt  a moving-average cross, dealt at the next open, one account for all instruments
              {"capital", "quantity", "fast", "slow", "fee"}
    nautilus  the same cross and fees, dealt at the close, which is where its orders on bars are
    sweep     vectorbt's for many configurations: {"capital", "quantity", "runs": [[fast, slow, fee]]}
"""

import json
import sys
import tempfile

from bench_peer import PeakMemory, serve, timed, wide, write_qlib


def qlib_topk_dropout(path, parameters):
    import qlib
    from qlib.contrib.evaluate import backtest_daily
    from qlib.contrib.strategy import TopkDropoutStrategy

    market, folder = wide(path), tempfile.TemporaryDirectory()
    fields = ["open", "high", "low", "close", "volume", "vwap", "factor", "change"]
    write_qlib(folder.name, market, fields)
    qlib.init(provider_uri=folder.name, region="cn", kernels=1, logging_level="ERROR")
    scores = market["score"].stack().rename_axis(["datetime", "instrument"])
    exchange = {
        "freq": "day", "deal_price": "close", "open_cost": 0.0005, "close_cost": 0.0015,
        "min_cost": 5, "limit_threshold": 0.095,
    }
    start, end = parameters["period"]
    choice = parameters["strategy"]

    def run():
        report, _ = backtest_daily(
            start, end, TopkDropoutStrategy(signal=scores, **choice), account=parameters["capital"],
            benchmark=parameters["benchmark"], exchange_kwargs=exchange,
        )
        return report

    def turn():
        seconds, report = timed(run)
        account = float(report["account"].iloc[-1])
        return {"qlib backtest": [seconds * 1e3], "qlib account": [account], "qlib days": [len(report)]}

    serve(turn)
    folder.cleanup()


def moving_average_cross(market, parameters, fast, slow, fee):
    """Final equities, one a configuration; `fast` and `slow` are as many."""
    import vectorbt as vbt

    close, opening = market["close"], market["open"]
    ours = {"short_name": "fast"}, {"short_name": "slow"}
    fast, slow = (vbt.MA.run(close, window=w, **name) for w, name in zip((fast, slow), ours))
    # Known at the close, dealt at the next open.
    entries = fast.ma_crossed_above(slow).vbt.signals.fshift(1)
    exits = fast.ma_crossed_below(slow).vbt.signals.fshift(1)
    levels = entries.columns.droplevel("instrument") if entries.columns.nlevels > 1 else True
    return vbt.Portfolio.from_signals(
        close, entries, exits, price=opening, size=parameters["quantity"], fees=fee,
        init_cash=parameters["capital"], group_by=levels, cash_sharing=True, freq="1D",
    ).final_value()


def vectorbt_bars(path, parameters):
    market = wide(path)
    bars = market["close"].size

    def run():
        return moving_average_cross(
            market, parameters, parameters["fast"], parameters["slow"], parameters["fee"]
        )

    run()  # numba compiles.

    def turn():
        seconds, equity = timed(run)
        return {"vectorbt backtest-bars": [bars / seconds], "vectorbt equity": [float(equity.sum())]}

    serve(turn)


def vectorbt_sweep(path, parameters, at_once=100):
    market = wide(path)
    by_fee = {}
    for fast, slow, fee in parameters["runs"]:
        by_fee.setdefault(fee, []).append((fast, slow))

    def run(most=None):
        equity = 0.0
        for fee, pairs in by_fee.items():
            for start in range(0, len(pairs[:most]), at_once):
                fast, slow = map(list, zip(*pairs[start : start + at_once]))
                equity += float(moving_average_cross(market, parameters, fast, slow, fee).sum())
        return equity

    run(at_once)  # numba compiles.

    def turn():
        with PeakMemory() as peak:
            seconds, equity = timed(run)
        rate = len(parameters["runs"]) / seconds
        return {"vectorbt sweep": [rate], "vectorbt sweep memory": [peak.mb], "vectorbt equity": [equity]}

    serve(turn)


def nautilus_bars(path, parameters):
    from decimal import Decimal

    import pandas as pd
    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.config import LoggingConfig
    from nautilus_trader.indicators import SimpleMovingAverage
    from nautilus_trader.model.currencies import USD
    from nautilus_trader.model.data import BarType
    from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
    from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
    from nautilus_trader.model.instruments import Equity
    from nautilus_trader.model.objects import Money, Price, Quantity
    from nautilus_trader.persistence.wranglers import BarDataWrangler
    from nautilus_trader.trading.strategy import Strategy

    class Cross(Strategy):
        def __init__(self, bar_type):
            super().__init__()
            self.bar_type, self.above = bar_type, None
            self.fast = SimpleMovingAverage(parameters["fast"])
            self.slow = SimpleMovingAverage(parameters["slow"])

        def on_start(self):
            self.register_indicator_for_bars(self.bar_type, self.fast)
            self.register_indicator_for_bars(self.bar_type, self.slow)
            self.subscribe_bars(self.bar_type)

        def on_bar(self, _):
            if not self.slow.initialized:
                return
            above, before = self.fast.value > self.slow.value, self.above
            self.above = above
            flat = self.portfolio.is_flat(self.bar_type.instrument_id)
            if before is not None and above != before and above == flat:
                side = OrderSide.BUY if above else OrderSide.SELL
                quantity = Quantity.from_int(int(parameters["quantity"]))
                self.submit_order(
                    self.order_factory.market(self.bar_type.instrument_id, side, quantity)
                )

    market, venue = wide(path), Venue("XNYS")
    series = []
    for name in market["close"]:
        symbol, precision = Symbol(name), 9
        instrument = Equity(
            InstrumentId(symbol, venue), symbol, USD, precision, Price(1e-9, precision),
            Quantity.from_int(1), 0, 0, taker_fee=Decimal(str(parameters["fee"])),
            maker_fee=Decimal(str(parameters["fee"])),
        )
        bar_type = BarType.from_str(f"{instrument.id}-1-DAY-LAST-EXTERNAL")
        fields = ["open", "high", "low", "close", "volume"]
        frame = pd.DataFrame({field: market[field][name] for field in fields}).round(precision)
        frame.index = frame.index.tz_localize("UTC")
        series.append((instrument, bar_type, BarDataWrangler(bar_type, instrument).process(frame)))
    bars = sum(len(data) for _, _, data in series)

    def turn():
        logging = LoggingConfig(bypass_logging=True)
        engine = BacktestEngine(BacktestEngineConfig(logging=logging, run_analysis=False))
        cash = [Money(parameters["capital"], USD)]
        engine.add_venue(venue, OmsType.NETTING, AccountType.CASH, cash, base_currency=USD)
        for instrument, bar_type, data in series:
            engine.add_instrument(instrument)
            engine.add_data(data)
            engine.add_strategy(Cross(bar_type))
        seconds, _ = timed(engine.run)
        fills = engine.get_result().total_orders
        engine.dispose()
        return {"nautilus backtest-bars": [bars / seconds], "nautilus orders": [fills]}

    serve(turn)


PEERS = {
    "qlib": qlib_topk_dropout, "vectorbt": vectorbt_bars, "nautilus": nautilus_bars,
    "sweep": vectorbt_sweep,
}

if __name__ == "__main__":
    what, file = sys.argv[1:]
    PEERS[what](file, json.loads(sys.stdin.readline()))
