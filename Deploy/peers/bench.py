"""Measures bigs beside its peers: one text at a time, programs taking turns. See --help."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import report
from contenders import LABELS, OURS, REFERENCE

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


class Peer:
    """A contender in a process of its own, which holds its model and waits for lengths."""

    def __init__(self, name: str, options: argparse.Namespace):
        command = [
            sys.executable, str(HERE / "contenders.py"), name,
            "--max-length", str(max(options.lengths)), "--threads", str(options.threads),
        ]
        if options.reference:
            command += ["--reference", options.reference]
        # Threads that spin while they wait would slow the contender whose turn it is.
        environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
        if "flax" in name and options.threads == 1:
            environment["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=environment)
        self._read()

    def _read(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise RuntimeError(self.process.stderr.read().strip().splitlines()[-1])
        return line.strip()

    def seconds(self, length: int) -> float:
        self.process.stdin.write(f"{length}\n")
        self.process.stdin.flush()
        return float(self._read())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


class Ours:
    """`bigs bench`, which makes its random weights anew each time and times one length."""

    def __init__(self, name: str, options: argparse.Namespace):
        self.options = options
        self.dtype = name.removeprefix("bigs-")

    def seconds(self, length: int) -> float:
        answer = subprocess.run(
            [
                self.options.bigs, "bench", "--random", "large", "--dtypes", self.dtype,
                "--lengths", str(length), "--threads", str(self.options.threads), "--json",
            ],
            capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            raise RuntimeError(answer.stderr.strip().splitlines()[-1])
        return report.our_seconds(json.loads(answer.stdout), self.dtype, length)

    def close(self) -> None:
        pass


def machine() -> dict:
    processor = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.split(":", 1)[1].strip()
            break
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    return {
        "processor": processor, "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()}", "commit": commit,
        "date": datetime.now(timezone.utc).date().isoformat(),
    }


def measure(options: argparse.Namespace, results: dict) -> None:
    contenders: dict[str, Peer | Ours] = {}
    try:
        for name in options.only:
            try:
                contenders[name] = (Ours if name in OURS else Peer)(name, options)
            except RuntimeError as error:
                print(f"{LABELS[name]}: left out: {error}", file=sys.stderr)
        for length in options.lengths:
            for round in range(options.rounds):
                for name, contender in list(contenders.items()):
                    try:
                        seconds = contender.seconds(length)
                    except RuntimeError as error:
                        print(f"{LABELS[name]}: left out: {error}", file=sys.stderr)
                        del contenders[name]
                        continue
                    print(
                        f"{length} tokens, round {round + 1}: {LABELS[name]}: {seconds:.3f} s",
                        file=sys.stderr)
                    times = results["seconds"].setdefault(name, {})
                    times.setdefault(str(length), []).append(seconds)
    finally:
        for contender in contenders.values():
            contender.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="Deploy/bench-peers", description="Measures bigs beside its peers on this machine.")
    parser.add_argument("--bigs", help="the program (default: built from this source)")
    parser.add_argument("--reference", help="a checkout of jxiw/BiGS, to be measured as well")
    parser.add_argument(
        "--lengths", type=lambda text: [int(part) for part in text.split(",")],
        default=[128, 512, 1024, 4096], help="tokens, separated by commas (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="turns for each (%(default)s)")
    parser.add_argument(
        "--threads", type=int, default=len(os.sched_getaffinity(0)),
        help="threads for each (default: the machine's cores)")
    parser.add_argument(
        "--only", type=lambda text: text.split(","), help="of: " + ", ".join(LABELS))
    parser.add_argument(
        "--output", type=Path, default=ROOT / "Deploy" / "measured",
        help="the folder for peers.md, peers.svg and peers.json (Deploy/measured)")
    parser.add_argument(
        "--keep", action="store_true",
        help="add to the measurements in peers.json: a long comparison can be made in pieces")
    options = parser.parse_args()
    options.only = options.only or [
        name for name in LABELS if options.reference or name not in REFERENCE]
    if unknown := [name for name in options.only if name not in LABELS]:
        parser.error(f"--only: there is no {', '.join(unknown)}")
    if not options.reference and any(name in REFERENCE for name in options.only):
        parser.error("--only names the reference: give its checkout with --reference")

    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "peers.json"
    results = {"machine": machine(), "threads": options.threads, "seconds": {}}
    if options.keep and path.exists():
        results["seconds"] = json.loads(path.read_text())["seconds"]
    measure(options, results)
    path.write_text(json.dumps(results, indent=1) + "\n")
    table = report.peers_table(results)
    (options.output / "peers.md").write_text(table)
    report.peers_plot(results, options.output / "peers.svg")
    print(table)


if __name__ == "__main__":
    main()
