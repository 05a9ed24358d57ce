"""Celery doing what scripts/bench does, for comparison: prints {name: [values]} as JSON.

Usage: bench-celery.py dispatch|latency AMQP_URL. Celery as most use it for work that is not
to be lost: prefork, two processes, late acknowledgement; no result back-end and no row for a job.
"""

import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time

from celery import Celery

PIPE = os.environ.get("BENCH_PIPE", "")
app = Celery("bench_celery", broker=os.environ.get("BENCH_BROKER", sys.argv[-1]))
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=int(os.environ.get("BENCH_PREFETCH", "32")),
    task_default_queue="celery_bench",
    broker_connection_retry_on_startup=True,
)


_pipe = None


@app.task(name="bench.echo")
def echo(sent):
    global _pipe
    if _pipe is None:
        _pipe = os.open(PIPE, os.O_WRONLY)
    os.write(_pipe, struct.pack("d", time.time() - sent))


class Bench:
    def __init__(self, broker, prefetch):
        self.folder = tempfile.mkdtemp()
        self.path = os.path.join(self.folder, "pipe")
        os.mkfifo(self.path)
        self.pipe = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        # Held open, so that reading waits instead of ending.
        self.keep = os.open(self.path, os.O_WRONLY)
        os.set_blocking(self.pipe, True)
        self.environment = dict(
            os.environ, BENCH_PIPE=self.path, BENCH_BROKER=broker, BENCH_PREFETCH=str(prefetch)
        )
        self.workers = []

    def worker(self):
        command = [sys.executable, "-m", "celery", "-A", "bench_celery_app", "worker"]
        command += ["-c", "2", "-P", "prefork", "-l", "ERROR", "-Q", "celery_bench"]
        command += ["--without-gossip", "--without-mingle", "-n", f"w{len(self.workers)}@%h"]
        # The module under a name that Python can import.
        link = os.path.join(self.folder, "bench_celery_app.py")
        if not os.path.exists(link):
            os.symlink(os.path.abspath(__file__), link)
        environment = dict(self.environment, PYTHONPATH=self.folder)
        worker = subprocess.Popen(
            command, env=environment, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        self.workers.append(worker)
        return worker

    def read(self, count):
        values, size = [], 8 * count
        data = b""
        while len(data) < size:
            data += os.read(self.pipe, min(65536, size - len(data)))
        for at in range(0, size, 8):
            values.append(struct.unpack("d", data[at : at + 8])[0])
        return values

    def warm(self):
        for _ in range(20):
            echo.delay(time.time())
        self.read(20)

    def end(self):
        for worker in self.workers:
            try:
                os.killpg(worker.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            worker.wait()
        with app.connection_or_acquire() as connection:
            connection.default_channel.queue_delete("celery_bench")


def dispatch(broker):
    bench, rates = Bench(broker, 32), []
    bench.worker()
    bench.warm()
    for _ in range(3):
        start = time.time()
        with app.producer_pool.acquire(block=True) as producer:
            for _ in range(10_000):
                echo.apply_async((start,), producer=producer)
        bench.read(10_000)
        rates.append(10_000 / (time.time() - start))
    bench.end()
    return {"dispatch": rates}


def latency(broker):
    bench, waits = Bench(broker, 1), []
    bench.worker()
    bench.warm()
    for _ in range(500):
        echo.delay(time.time())
        waits.append(bench.read(1)[0] * 1000)
        time.sleep(0.018)
    bench.end()
    waits.sort()
    return {"latency p50": [waits[249]], "latency p99": [waits[494]]}


if __name__ == "__main__":
    what, url = sys.argv[1], sys.argv[2]
    print(json.dumps({"dispatch": dispatch, "latency": latency}[what](url)))
