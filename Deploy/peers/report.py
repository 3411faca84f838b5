"""Tables and plots of what was measured."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

from contenders import LABELS, OURS  # noqa: E402

# Text stays text, and the same numbers give the same file.
matplotlib.rcParams.update({
    "svg.fonttype": "none", "svg.hashsalt": "bigs", "font.family": "sans-serif", "font.size": 10,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": "#e4e4e4", "axes.axisbelow": True,
})
OURS_COLOUR, PEER_COLOUR = "#1763a6", "#b4b4b4"


def our_seconds(answer: dict, dtype: str, length: int) -> float:
    """The seconds of one pass out of what `bigs bench --json` printed."""
    for run in answer["runs"]:
        if (run["dtype"], run["length"], run["batch"]) == (dtype, length, 1):
            return run["seconds"]
    raise RuntimeError("; ".join(answer.get("skipped", [])) or "no such run in the answer")


def best(results: dict) -> dict[str, dict[int, float]]:
    """The least time of each contender at each length, in the order of LABELS."""
    return {
        name: {int(length): min(times) for length, times in results["seconds"][name].items()}
        for name in LABELS if results["seconds"].get(name)
    }


def _where(results: dict) -> str:
    machine = results["machine"]
    return (
        f"{machine['processor']}, {machine['cores']} cores, {results['threads']} threads; "
        f"{machine['date']}, commit {machine['commit']}")


def peers_table(results: dict) -> str:
    """Seconds of one text, and how many times the time of the fastest of ours it is."""
    seconds = best(results)
    lengths = sorted({length for times in seconds.values() for length in times})
    lines = [
        "# Seconds for one text, by tokens", "",
        f"Least of {_rounds(results)} alternating runs, random weights. {_where(results)}. In "
        "brackets: times as long as bigs in bfloat16.", "",
        "| | " + " | ".join(f"{length:,}" for length in lengths) + " |",
        "|---|" + "---|" * len(lengths),
    ]
    ours = seconds.get("bigs-bfloat16", {})
    for name, times in seconds.items():
        cells = []
        for length in lengths:
            if length not in times:
                cells.append("")
            elif length in ours and name != "bigs-bfloat16":
                cells.append(f"{times[length]:.3f} ({times[length] / ours[length]:.1f}x)")
            else:
                cells.append(f"{times[length]:.3f}")
        lines.append(f"| {LABELS[name]} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _rounds(results: dict) -> str:
    counts = {
        len(times) for lengths in results["seconds"].values() for times in lengths.values()}
    return str(min(counts)) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"


def peers_plot(results: dict, path: Path) -> None:
    """Tokens a second at each length, a bar for each contender."""
    seconds = best(results)
    lengths = sorted({length for times in seconds.values() for length in times})
    figure, panels = plt.subplots(
        1, len(lengths), figsize=(2.4 * len(lengths) + 2.6, 0.36 * len(seconds) + 1.5),
        sharey=True, squeeze=False)
    names = list(seconds)[::-1]
    for panel, length in zip(panels[0], lengths):
        rates = [
            length / seconds[name][length] if length in seconds[name] else 0 for name in names]
        colours = [OURS_COLOUR if name in OURS else PEER_COLOUR for name in names]
        bars = panel.barh([LABELS[name] for name in names], rates, color=colours)
        panel.bar_label(bars, [f"{rate:,.0f}" if rate else "" for rate in rates], padding=2)
        panel.set_title(f"{length:,} tokens", fontsize=10)
        panel.set_xlim(0, 1.3 * max(rates, default=1))
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="x", labelsize=8)
    figure.suptitle(f"Tokens a second, one text at a time. {_where(results)}", fontsize=9)
    figure.tight_layout()
    _save(figure, path)


def load_plot(results: dict, path: Path) -> None:
    """Latency of short requests alone and beside documents, as distributions."""
    figure, panel = plt.subplots(figsize=(7.5, 3.6))
    for name, colour in (("idle", PEER_COLOUR), ("loaded", OURS_COLOUR)):
        times = sorted(results["short"][name]["milliseconds"])
        shares = [(index + 1) / len(times) for index in range(len(times))]
        label = {"idle": "alone", "loaded": "while documents of 4,096 tokens stream"}[name]
        panel.step(times, shares, where="post", color=colour, label=label, linewidth=2)
    limit = results["limit_milliseconds"]
    panel.axvline(limit, color="#c0392b", linestyle="--", linewidth=1)
    panel.text(
        limit, 0.03, " twice the p99 alone, and a layer", color="#c0392b", fontsize=8)
    panel.set_xlabel("milliseconds until a request of 64 tokens is answered")
    panel.set_ylabel("share of requests")
    panel.set_xlim(left=0, right=1.35 * max(limit, max(results["short"]["loaded"]["milliseconds"])))
    panel.set_ylim(0, 1.02)
    panel.legend(loc="best", frameon=False)
    panel.set_title(f"{results['model']}. {_where(results)}", fontsize=9)
    figure.tight_layout()
    _save(figure, path)


def _save(figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    # matplotlib ends lines with spaces.
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")
