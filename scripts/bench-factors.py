"""Peers of the benchmarks of factors, for comparison; see bench_peer.py about turns.

Usage: bench-factors.py qlib|handler|kunquant|talib MARKET.parquet, with the parameters as a first
line of JSON on standard input: {"threads": 2}, for the handler with "segments".

    qlib      Alpha158 through Qlib's expression engine, from its binary format, a process a thread
    handler   Qlib's Alpha158 handler with its processors, segments as matrices
    kunquant  KunQuant's Alpha158 in double and in single precision, without compiling it
    talib     TA-Lib's indicators, instrument by instrument over the bars it has
"""

import json
import sys
import tempfile

import numpy as np

from bench_peer import PeakMemory, serve, timed, wide, write_qlib

FIELDS = ["open", "high", "low", "close", "volume", "vwap"]


# Qlib ---------------------------------------------------------------------------------------


def start_qlib(path, threads):
    import qlib

    market, folder = wide(path), tempfile.TemporaryDirectory()
    write_qlib(folder.name, market, FIELDS)
    qlib.init(provider_uri=folder.name, region="cn", kernels=threads, logging_level="ERROR")
    return market["close"].index, folder


def qlib_features(path, parameters):
    from qlib.contrib.data.loader import Alpha158DL
    from qlib.data import D
    from qlib.data.cache import H

    days, folder = start_qlib(path, parameters["threads"])
    expressions, _ = Alpha158DL.get_feature_config()

    def turn():
        H.clear()
        features = lambda: D.features(D.instruments("all"), expressions, days[0], days[-1], "day", 0)
        seconds, frame = timed(features)
        assert frame.shape[1] == 158
        return {"qlib alpha158": [seconds], "qlib values": [int(frame.count().sum())]}

    serve(turn)
    folder.cleanup()


def qlib_handler(path, parameters):
    from qlib.contrib.data.handler import Alpha158
    from qlib.data.cache import H
    from qlib.data.dataset import DatasetH

    days, folder = start_qlib(path, parameters["threads"])
    segments = parameters["segments"]
    first, last = segments["train"]

    def matrices():
        handler = Alpha158("all", days[0], days[-1], fit_start_time=first, fit_end_time=last)
        dataset = DatasetH(handler, segments)
        learned = dataset.prepare(["train", "valid"], col_set=["feature", "label"], data_key="learn")
        judged = dataset.prepare("test", col_set=["feature", "label"], data_key="infer")
        return [(part["feature"].to_numpy(), part["label"].to_numpy()) for part in [*learned, judged]]

    def turn():
        H.clear()
        with PeakMemory() as peak:
            seconds, parts = timed(matrices)
        rows = [len(features) for features, _ in parts]
        return {"qlib handler": [seconds], "qlib handler memory": [peak.mb], "qlib rows": rows}

    serve(turn)
    folder.cleanup()


# KunQuant -----------------------------------------------------------------------------------


def kunquant(path, parameters):
    from KunQuant.Driver import KunCompilerConfig
    from KunQuant.Op import Builder, Input, Output
    from KunQuant.Stage import Function
    from KunQuant.jit import cfake
    from KunQuant.predefined.Alpha158 import AllData
    from KunQuant.runner import KunRunner

    market, fields = wide(path), ["open", "high", "low", "close", "volume", "amount"]
    bars, instruments = market["close"].shape
    sets = []
    # Statistics as its own test has them; without the fast ones it is told of lost precision.
    for precision, lanes in [("double", 4), ("float", 8)]:
        builder = Builder()
        with builder:
            data = AllData(**{field: Input(field) for field in fields})
            prices = [("OPEN", data.open), ("HIGH", data.high), ("LOW", data.low), ("VWAP", data.vwap)]
            config = {"kbar": {}, "price": {"windows": [0], "feature": prices}, "rolling": {}}
            for value, name in zip(*data.build(config)):
                Output(value, name)
        options = {"opt_reduce": True, "fast_log": True}
        if precision == "double":
            options["no_fast_stat"] = "no_warn"
        settings = KunCompilerConfig(
            dtype=precision, blocking_len=lanes, partition_factor=4, input_layout="TS",
            output_layout="TS", options=options,
        )
        target = [("alpha158", Function(builder.ops), settings)]
        library = cfake.compileit(target, f"alpha158_{precision}", cfake.CppCompilerConfig())
        kind = {"double": "float64", "float": "float32"}[precision]
        inputs = {field: np.ascontiguousarray(market[field].to_numpy(), kind) for field in fields}
        sets.append((precision, library, library.getModule("alpha158"), inputs))
    executor = KunRunner.createMultiThreadExecutor(parameters["threads"])

    def turn():
        answer = {}
        for precision, _, module, inputs in sets:
            seconds, outputs = timed(lambda: KunRunner.runGraph(executor, module, inputs, 0, bars))
            assert len(outputs) == 158 and outputs["KMID"].shape == (bars, instruments)
            answer[f"kunquant alpha158 in {precision}"] = [seconds]
        return answer

    serve(turn)


# TA-Lib -------------------------------------------------------------------------------------


def indicators(high, low, close, volume):
    import talib

    typical = (high + low + close) / 3.0
    returns = np.diff(np.log(close))
    # Standard deviations are TA-Lib's, of n rather than n - 1.
    volatility = talib.STDDEV(returns, 20) * np.sqrt(20 / 19 * 252)
    return [
        talib.SMA(close, 20),
        talib.EMA(close, 20),
        *talib.BBANDS(close, 20, 2.0, 2.0),
        talib.SAR(high, low, 0.02, 0.2),
        talib.RSI(close, 14),
        *talib.STOCH(high, low, close, 14, 3, 0, 3, 0),
        talib.WILLR(high, low, close, 14),
        talib.CCI(high, low, close, 20),
        talib.OBV(close, volume),
        talib.AD(high, low, close, volume),
        talib.ATR(high, low, close, 14),
        talib.SUM(typical * volume, 20) / talib.SUM(volume, 20),
        volatility,
    ]


def ta_lib(path, _):
    market = wide(path)
    series = []
    for name in market["close"]:
        there = market["close"][name].notna().to_numpy()
        fields = ["high", "low", "close", "volume"]
        series.append([np.ascontiguousarray(market[f][name].to_numpy()[there]) for f in fields])

    def turn():
        seconds, answers = timed(lambda: [indicators(*one) for one in series])
        last = np.sum([[column[-1] for column in columns] for columns in answers], axis=0)
        return {"ta-lib indicators": [seconds * 1e3], "ta-lib last bars": last.tolist()}

    serve(turn)


PEERS = {"qlib": qlib_features, "handler": qlib_handler, "kunquant": kunquant, "talib": ta_lib}

if __name__ == "__main__":
    what, file = sys.argv[1:]
    PEERS[what](file, json.loads(sys.stdin.readline()))
