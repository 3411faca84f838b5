"""Collect texts, drop near-duplicates, and set the test part aside.

The split goes by a hash of the page's name or the source package's name, so that it is the same on
every machine and in every later run: below the cut a text is held out and never trained on,
whatever else is installed.  The cuts are those of the first published bigs-mini, whose weights a
run may start from.
"""
import hashlib
import json
import time
from collections import Counter
from pathlib import Path

from . import duplicates, sources

PAGE_CUT, GENERATED_CUT, SOURCE_CUT = 1315942426, 340460601, 190736245
GENERATED = "gcloud"
"""A family of thousands of generated pages; it gets its own cut and at most GENERATED_PAGES."""
GENERATED_PAGES = 2000
GLOSSES = 2000
BRIEFS, SENSES, WORDS = 12_000, 80_000, 30_000
"""Entries of small dictionaries and fortunes, senses of the large one, and words, at most."""
ALWAYS = ("dict-devil", "wordnet-base")
"""Packages to download however small the sample."""
PACKAGES = Path(__file__).resolve().parents[1] / "packages.txt"


def number(kind, name):
    """A 32-bit hash of a name."""
    return int.from_bytes(hashlib.md5((kind + name).encode()).digest()[:4], "big")


def generated(page):
    return page["name"].startswith(GENERATED)


def sampled(name, share):
    return share >= 1 or number("sample", name) < share * 2**32


def write(path, items):
    with open(path, "w", encoding="utf8") as file:
        for item in items:
            file.write(json.dumps(item) + "\n")


def texts(work, name):
    """The items of one kind that `prepare` wrote."""
    with open(Path(work, "texts", name + ".jsonl"), encoding="utf8") as file:
        return [json.loads(line) for line in file]


def split_pages(found, seen):
    """Pages, each with `test`: telling titles below the cut that no other page has, not even a
    near-duplicate.  What else lies below the cut is left out altogether."""
    found.sort(key=lambda p: (p["extra"], number("m", p["name"])))
    titles = Counter(p["title"].lower() for p in found if not p["extra"])
    found = duplicates.without(found, seen)
    found = [p for p in found if not p["name"].startswith((GENERATED + "_alpha",
                                                           GENERATED + "_beta"))]
    kept, room = [], GENERATED_PAGES
    for page in found:
        cut = GENERATED_CUT if generated(page) else PAGE_CUT
        below = number("m", page["name"]) <= cut
        telling = titles[page["title"].lower()] == 1 and len(page["title"].split()) >= 3
        page["test"] = below and telling and not page["extra"]
        if below and not page["test"]:
            continue
        if generated(page) and not page["test"]:
            room -= 1
            if room < 0:
                continue
        kept.append(page)
    return kept


def prepare(work, sample=1.0):
    """Write work/texts/{pages,packages,documents,briefs,glosses}.jsonl and summary.json."""
    out, started = Path(work, "texts"), time.time()
    out.mkdir(parents=True, exist_ok=True)
    names = [line.strip() for line in PACKAGES.read_text().splitlines()
             if line.strip() and not line.startswith("#")]
    names = [name for name in names if sampled(name, sample) or name in ALWAYS]
    unpacked = sources.download(names, work)
    extra = [unpacked / name for name in sorted(names) if (unpacked / name).is_dir()]

    def say(text):
        print(f"{time.time() - started:5.0f} s  {text}", flush=True)

    def wanted(name):
        return sampled(name, sample)

    packages = [p for p in sources.packages(work) if sampled(p["source"], sample)]
    packages.sort(key=lambda p: (number("s", p["source"]), p["name"]))
    packages = duplicates.without(packages, set())
    for package in packages:
        package["test"] = number("s", package["source"]) <= SOURCE_CUT
    say(f"packages: {len(packages)}")
    pages = [dict(p, extra=False) for p in sources.pages("/", wanted)]
    for root in extra:
        pages += [dict(p, extra=True) for p in sources.pages(root, wanted)]
    seen = set()
    pages = split_pages(pages, seen)
    say(f"pages: {len(pages)}")
    documents = [d for root in [Path("/"), *extra] for d in sources.documents(root)
                 if sampled(d["name"], sample)]
    documents = duplicates.without(documents, seen)
    say(f"documents: {len(documents)}")
    glosses = sorted(sources.glosses(unpacked / "wordnet-base"),
                     key=lambda g: number("g", g["name"]))[:max(50, int(GLOSSES * sample))]

    briefs = chosen_briefs([Path("/"), *extra], sample, seen)
    say(f"briefs: {len(briefs)}")

    held, gloss = helds(pages + packages, glosses)
    leaked = Counter()
    kinds = {}
    for kind, items in (("pages", pages), ("packages", packages), ("documents", documents),
                        ("briefs", briefs)):
        kinds[kind] = []
        for item in items:
            if not item.setdefault("test", False) and (
                    held.leaks(item["body"]) or gloss.leaks(item["body"])):
                leaked[kind] += 1
            else:
                kinds[kind].append(item)
        write(out / f"{kind}.jsonl", kinds[kind])
    write(out / "glosses.jsonl", glosses)
    summary = {kind: dict(train=sum(not x["test"] for x in items),
                          test=sum(x["test"] for x in items),
                          dropped_for_overlap_with_test=leaked[kind],
                          characters=sum(len(x["body"]) for x in items))
               for kind, items in kinds.items()}
    summary["glosses"] = dict(test=len(glosses))
    (out / "summary.json").write_text(json.dumps(summary, indent=1))
    say(json.dumps(summary))


def chosen_briefs(roots, sample, seen):
    """A fixed choice of dictionary entries, fortunes and words, without near-duplicates."""
    found = [b for root in roots for b in sources.briefs(root)]
    found.sort(key=lambda b: number("b", b["name"]))
    words = [b for b in found if b["name"] == b["body"]][:int(WORDS * sample)]
    others = duplicates.without([b for b in found if b["name"] != b["body"]], seen)
    senses = [b for b in others if b["name"].startswith("gcide/")][:int(SENSES * sample)]
    others = [b for b in others if not b["name"].startswith("gcide/")][:int(BRIEFS * sample)]
    return others + senses + words


def helds(pages_and_packages, glosses):
    """What training texts are searched for: held-out texts by runs of 8 words; glosses, which
    are short, by runs of 5."""
    return (duplicates.Held([x for x in pages_and_packages if x["test"]]),
            duplicates.Held(glosses, length=5, least=1))


def query(item):
    """The title without the text's own name, which would give the answer away."""
    own = {w.lower() for w in item.get("names", "").replace(",", " ").split()}
    own.add(item["name"].lower())
    return " ".join(w for w in item["title"].split()
                    if w.lower().strip(".,;:()\"'") not in own)


def leaks(work):
    """How much of each held-out text stands in any one training text, by runs of words; and how
    many held-out queries are also the query of some other text that is trained on."""
    everything = [(kind, x) for kind in ("pages", "packages", "documents", "briefs")
                  for x in texts(work, kind)]
    glosses = [("glosses", x) for x in texts(work, "glosses")]
    tests = [(kind, x) for kind, x in everything if x["test"]]
    held = helds([x for _, x in tests], [x for _, x in glosses])
    worst, report = ([0.0] * len(tests), [0.0] * len(glosses)), {}
    for _, item in everything:
        if not item["test"]:
            for most, part in zip(worst, held):
                for i, share in part.shared(item["body"])[1].items():
                    most[i] = max(most[i], share)
    sizes = [*held[0].sizes, *held[1].sizes]
    asked = {query(x).lower() for _, x in everything if "title" in x and not x["test"]}
    for kind in ("pages", "packages", "glosses"):
        mine = [(w, x["name"])
                for w, (k, x), size in zip(sum(worst, []), tests + glosses, sizes)
                if k == kind and size >= (8 if kind != "glosses" else 1)]
        values = sorted(w for w, _ in mine)
        trained = {x["name"] for k, x in everything if k == kind and not x["test"]}
        if values:
            report[kind] = dict(
                held_out=len(values), median=round(float(values[len(values) // 2]), 3),
                p90=round(float(values[int(0.9 * len(values))]), 3),
                most=round(float(values[-1]), 3),
                above_half=int(sum(v > 0.5 for v in values)),
                names_in_both=len(trained & {name for _, name in mine}),
                queries_of_other_texts=sum(query(x).lower() in asked
                                           for k, x in tests + glosses if k == kind))
    print(json.dumps(report, indent=1))
    Path(work, "texts", "leaks.json").write_text(json.dumps(report, indent=1))
    return all(r["above_half"] == 0 for r in report.values())
