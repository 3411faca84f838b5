"""Measures short requests while long documents stream. See --help."""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

import checkpoint
import report
from bench import ROOT, machine


class Server:
    """`bigs serve` on a port of its own, without a store: every text is computed."""

    def __init__(self, options: argparse.Namespace, model: Path):
        command = [
            options.bigs, "serve", "--port", "0", "--store", "none", "--model", str(model),
            "--threads", str(options.threads),
        ]
        if options.dtype:
            command += ["--dtype", options.dtype]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.address = None
        for line in self.process.stderr:
            if match := re.search(r"address=127\.0\.0\.1:(\d+)", line):
                self.address = ("127.0.0.1", int(match[1]))
            if re.search(r"\bready\b", line):
                break
        if self.address is None:
            raise SystemExit("the server did not start")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


class Client:
    """One connection; requests one after the other."""

    def __init__(self, server: Server, seed: int):
        self.connection = HTTPConnection(*server.address, timeout=600)
        self.random = random.Random(seed)

    def embed(self, tokens: int) -> tuple[float, float]:
        """Seconds until a new text of so many tokens was answered, and those the model took."""
        ids = [self.random.randrange(1000, 30000) for _ in range(tokens)]
        body = json.dumps({"inputs": [ids]})
        start = time.perf_counter()
        self.connection.request("POST", "/embed", body, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        seconds = time.perf_counter() - start
        if answer.status != 200:
            raise SystemExit(f"status {answer.status}: {text[:300]!r}")
        return seconds, int(answer.headers["x-inference-time"]) / 1e6


class Documents:
    """Clients that send documents for as long as the block runs; throughput by completions."""

    def __init__(self, server: Server, options: argparse.Namespace, seed: int):
        self.tokens = options.document_tokens
        self.ends: list[float] = []
        self.inference: list[float] = []
        self.stopping = False
        self.threads = [
            threading.Thread(target=self._send, args=(Client(server, seed + index),))
            for index in range(options.streams)]

    def _send(self, client: Client) -> None:
        while not self.stopping:
            _, inference = client.embed(self.tokens)
            self.ends.append(time.perf_counter())
            self.inference.append(inference)

    def __enter__(self) -> Documents:
        for thread in self.threads:
            thread.start()
        while len(self.ends) < 1:
            time.sleep(0.01)
        return self

    def __exit__(self, *_) -> None:
        self.stopping = True
        for thread in self.threads:
            thread.join()
        # While all clients still sent: later the machine is not full.
        ends = sorted(self.ends)[: 1 - len(self.threads) or None]
        self.tokens_per_second = self.tokens * (len(ends) - 1) / (ends[-1] - ends[0])


def send_short(server: Server, options: argparse.Namespace, seed: int) -> list[float]:
    """Milliseconds of short requests that come at random times, for so many seconds."""
    client = Client(server, seed)
    clock = random.Random(seed)
    end = time.perf_counter() + options.seconds
    milliseconds = []
    while True:
        time.sleep(clock.expovariate(options.rate))
        if time.perf_counter() >= end:
            return milliseconds
        milliseconds.append(client.embed(options.short_tokens)[0] * 1e3)


def percentile(values: list[float], share: float) -> float:
    """The least value that at least `share` of them do not pass."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def measure(server: Server, options: argparse.Namespace) -> dict:
    client = Client(server, 1)
    for _ in range(2):
        client.embed(options.document_tokens)
        client.embed(options.short_tokens)
    idle = send_short(server, options, seed=2)
    with Documents(server, options, seed=100) as alone:
        time.sleep(options.seconds)
    with Documents(server, options, seed=200) as beside:
        loaded = send_short(server, options, seed=3)
    return {
        "idle": idle, "loaded": loaded,
        "documents_alone": [alone.tokens_per_second],
        "documents_beside": [beside.tokens_per_second],
        "document_seconds": [statistics.median(alone.inference)],
    }


def summarize(results: dict, options: argparse.Namespace) -> None:
    layers = results["layers"]
    layer = statistics.median(results["runs"]["document_seconds"]) / layers * 1e3
    results["short"] = {
        name: {
            "milliseconds": [round(value, 3) for value in results["runs"][name]],
            "p50": percentile(results["runs"][name], 0.5),
            "p99": percentile(results["runs"][name], 0.99),
        }
        for name in ("idle", "loaded")
    }
    alone = statistics.mean(results["runs"]["documents_alone"])
    beside = statistics.mean(results["runs"]["documents_beside"])
    results["layer_milliseconds"] = layer
    results["limit_milliseconds"] = 2 * results["short"]["idle"]["p99"] + layer
    results["documents"] = {
        "alone_tokens_per_second": alone, "beside_tokens_per_second": beside,
        "fall_percent": 100 * (1 - beside / alone),
        # What the short requests' own work takes of the machine.
        "own_percent": results["rate"] * results["short"]["idle"]["p50"] / 10,
    }


def table(results: dict) -> str:
    short, documents = results["short"], results["documents"]
    return (
        f"{results['model']}, requests of {results['short_tokens']} tokens at "
        f"{results['rate']:g} a second beside {results['streams']} streams of documents of "
        f"{results['document_tokens']:,} tokens.\n\n"
        "| | alone | beside documents |\n|---|---|---|\n"
        f"| p50 of the short requests | {short['idle']['p50']:.1f} ms "
        f"| {short['loaded']['p50']:.1f} ms |\n"
        f"| p99 | {short['idle']['p99']:.1f} ms | {short['loaded']['p99']:.1f} ms |\n"
        f"| their number | {len(short['idle']['milliseconds'])} "
        f"| {len(short['loaded']['milliseconds'])} |\n"
        f"| documents, tokens a second | {documents['alone_tokens_per_second']:.0f} "
        f"| {documents['beside_tokens_per_second']:.0f} "
        f"({documents['fall_percent']:.1f} % less) |\n\n"
        f"The short requests' own work takes {documents['own_percent']:.1f} % of the machine. "
        f"A layer of a document takes {results['layer_milliseconds']:.0f} ms; twice the p99 alone "
        f"and a layer are {results['limit_milliseconds']:.0f} ms.\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="Deploy/bench-load",
        description="Measures short requests alone and while long documents stream.")
    parser.add_argument("--bigs", help="the program (default: built from this source)")
    parser.add_argument("--model", type=Path, help="a model directory (default: the embedded one)")
    parser.add_argument(
        "--random", choices=sorted(checkpoint.SIZES), help="random weights of this size instead")
    parser.add_argument("--dtype", help="as for bigs serve")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=float, default=30, help="for each of three phases")
    parser.add_argument("--rate", type=float, default=1, help="short requests a second")
    parser.add_argument("--short-tokens", type=int, default=64)
    parser.add_argument("--document-tokens", type=int, default=4096)
    parser.add_argument("--streams", type=int, default=3, help="clients that send documents")
    parser.add_argument(
        "--name", default="load", help="the files' name: NAME.md, NAME.svg, NAME.json (load)")
    parser.add_argument("--output", type=Path, default=ROOT / "Deploy" / "measured")
    parser.add_argument("--keep", action="store_true", help="add to what NAME.json holds")
    options = parser.parse_args()

    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / f"{options.name}.json"
    with tempfile.TemporaryDirectory(prefix="bigs-load-") as folder:
        model = options.model or ROOT / "Models" / "bigs-mini"
        if options.random:
            model = Path(folder) / f"random-{options.random}"
            checkpoint.write(model, options.random, ROOT / "Models" / "bigs-mini" / "vocab.txt")
        layers = json.loads((model / "config.json").read_text())["num_hidden_layers"]
        server = Server(options, model)
        try:
            runs = measure(server, options)
        finally:
            server.close()
    if options.keep and path.exists():
        before = json.loads(path.read_text())["runs"]
        runs = {name: before[name] + values for name, values in runs.items()}
    results = {
        "machine": machine(), "threads": options.threads,
        "model": f"{model.name}, {options.dtype or 'float32'}", "layers": layers,
        "short_tokens": options.short_tokens, "document_tokens": options.document_tokens,
        "rate": options.rate, "streams": options.streams, "runs": runs,
    }
    summarize(results, options)
    path.write_text(json.dumps(results, indent=1) + "\n")
    text = table(results)
    (options.output / f"{options.name}.md").write_text(text)
    report.load_plot(results, options.output / f"{options.name}.svg")
    print(text)


if __name__ == "__main__":
    main()
