"""Loss curves as an SVG picture, from the logs of `train` and `section`."""
import math
from pathlib import Path

COLOURS = dict(package="#0072b2", passage="#d55e00", document="#009e73", window="#cc79a7",
               entry="#e69f00", word="#56b4e9", text="#999999", development="#000000")
WIDTH, HEIGHT, LEFT, TOP, GAP = 300, 200, 46, 34, 40
"""Of one panel, without its margins, in pixels."""
SMOOTH = 9
"""Points that a drawn point is the mean of, at most."""


def series(log, ending):
    """{kind of batch: [(tokens, loss)]} of the losses whose name ends so."""
    found = {}
    for line in log:
        for name, value in line.items():
            kind, _, loss = name.partition("_")
            if loss == ending and kind in COLOURS:
                found.setdefault(kind, []).append((line["tokens"], value))
    return {kind: smoothed(points) for kind, points in found.items()}


def smoothed(points):
    out = []
    for i, (tokens, _) in enumerate(points):
        reach = min(SMOOTH // 2, i, len(points) - 1 - i)
        near = points[i - reach:i + reach + 1]
        out.append((tokens, sum(v for _, v in near) / len(near)))
    return out


def steps(low, high):
    """About five round numbers from low to high."""
    rough = max(high - low, 1e-9) / 5
    size = 10 ** math.floor(math.log10(rough))
    size *= next(m for m in (1, 2, 5, 10) if m * size >= rough * 0.999)
    return [round(i * size, 10) for i in range(math.ceil(low / size - 1e-9),
                                               math.floor(high / size + 1e-9) + 1)]


def panel(title, lines, end, left):
    """SVG of one panel: lines is {kind: [(tokens, value)]}."""
    values = [v for points in lines.values() for _, v in points]
    low, high = (min(values), max(values)) if values else (0, 1)
    high = max(high, low + 0.01)

    def place(tokens, value):
        return (left + WIDTH * tokens / end, TOP + HEIGHT * (1 - (value - low) / (high - low)))

    parts = [f'<text x="{left}" y="{TOP - 14}" font-weight="bold">{title}</text>',
             f'<rect x="{left}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" '
             'stroke="#999"/>']
    for value in steps(low, high):
        y = place(0, value)[1]
        parts.append(f'<path d="M{left} {y:.1f}h{WIDTH}" stroke="#ddd"/>'
                     f'<text x="{left - 5}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for tokens in steps(0, end / 1e6):
        x = place(1e6 * tokens, low)[0]
        parts.append(f'<text x="{x:.1f}" y="{TOP + HEIGHT + 15}" text-anchor="middle">'
                     f'{tokens:g} M</text>')
    for i, (kind, points) in enumerate(lines.items()):
        path = " ".join("{:.1f},{:.1f}".format(*place(*p)) for p in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[kind]}" '
                     'stroke-width="1.5"/>')
        parts.append(f'<text x="{left + WIDTH - 6}" y="{TOP + 16 + 14 * i}" text-anchor="end" '
                     f'fill="{COLOURS[kind]}">{kind}</text>')
    return parts


def of_training(log):
    """Panels of `train`'s log: both losses, and retrieval of the records kept aside."""
    watched = [(line["tokens"], line["development"]["mrr"]) for line in log
               if "development" in line]
    return [("InfoNCE by kind of batch, weighted", series(log, "contrast")),
            ("regression onto the teacher, weighted", series(log, "regression")),
            ("titles to texts kept aside, MRR", {"development": watched} if watched else {})]


def of_classifier(log):
    """Panels of `section`'s log; a batch's accuracy is taken before the step that learns it."""
    return [(title, {"package": smoothed([(line["tokens"], line[key]) for line in log])})
            for title, key in (("cross-entropy", "loss"), ("accuracy in training", "accuracy"))]


def draw(panels, path):
    """Write panels side by side, over training tokens."""
    end = max([tokens for _, lines in panels for points in lines.values()
               for tokens, _ in points] + [1])
    width = len(panels) * (WIDTH + LEFT) + GAP
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} '
             f'{TOP + HEIGHT + GAP}" font-family="sans-serif" font-size="11">',
             '<rect width="100%" height="100%" fill="#fff"/>']
    for i, (title, lines) in enumerate(panels):
        parts += panel(title, lines, end, LEFT + i * (WIDTH + LEFT))
    parts.append(f'<text x="{LEFT}" y="{TOP + HEIGHT + 32}">training tokens; lines are running '
                 f'means of up to {SMOOTH} points</text></svg>')
    Path(path).write_text("\n".join(parts) + "\n")
