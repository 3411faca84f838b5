"""English text that Debian's package manager puts on a machine, read where it lies.

Pages:     {name, names, section, title, body}        /usr/share/man
Packages:  {name, source, section, title, body}       long descriptions from apt
Documents: {name, body}                                /usr/share/doc
Briefs:    {name, title (if any), body}                dictionaries, fortunes, word lists
Glosses:   {name, title, body}                         WordNet, for the evaluation alone
"""
import gzip
import html
import os
import re
import shutil
import subprocess
from pathlib import Path

from . import roff

STOP_WORDS = set(
    "the of to and a in is for that be this with as or it are on by an not can if from which will "
    "you has have when used use".split())
FOLDERS = "man doc dict dictd games/fortunes wordnet".split()
"""Of /usr/share, where a package's texts are."""
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
BRIEF = 360
"""Characters of a dictionary entry or a fortune, at most."""
LEFT_OUT = set("NAME AUTHOR AUTHORS COPYRIGHT LICENSE COLOPHON".split()
               + ["REPORTING BUGS", "BUGS REPORTING"])


def english(text):
    head = text[:4000]
    words = re.findall(r"[a-z]+", head.lower())
    if len(words) <= 20 or sum(ord(c) > 127 for c in head) >= 0.05 * len(head):
        return False
    return sum(w in STOP_WORDS for w in words) / len(words) > 0.12


def read(path, limit=-1):
    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "rb") as file:
        data = file.read(limit)
    try:
        return data.decode("utf8")
    except UnicodeDecodeError:
        return data.decode("latin1")


def files(root):
    """Regular files under root, in a fixed order."""
    for directory, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(directory, name)
            if not os.path.islink(path):
                yield path


def pages(root, wanted=lambda name: True):
    """Manual pages in English under root/usr/share/man whose page name is wanted."""
    for folder in sorted(Path(root, "usr/share/man").glob("man*")):
        for path in files(folder):
            page, _, section = os.path.basename(path).removesuffix(".gz").rpartition(".")
            if wanted(page) and (found := one_page(path)):
                yield dict(name=page, section=section, **found)


def one_page(path):
    try:
        parts = roff.sections(read(path))
    except (OSError, EOFError, gzip.BadGzipFile):
        return None
    name = next((text for heading, text in parts or [] if heading.upper() == "NAME"), "")
    match = re.match(r"(.*?)\s+(?:-+|\u2013|\u2014)\s+(.*)", name.replace("\n", " "))
    if not match:
        return None
    body = "\n\n".join((heading.title() + "\n" + text).strip() for heading, text in parts
                       if text and heading.upper() not in LEFT_OUT)
    title = match.group(2).strip()
    if len(title) < 8 or len(body) < 200 or not english(body):
        return None
    return dict(names=match.group(1), title=title, body=body)


def packages(work):
    """Packages of the configured release with their long descriptions.

    Fetches apt's lists into `work`, so that a machine set up without translations has them too
    and nothing of its own is changed."""
    lists = Path(work, "lists")
    options = ["-o", "Acquire::Languages=en", "-o", f"Dir::State::Lists={lists}",
               "-o", "APT::Sandbox::User=" + os.environ.get("USER", "root")]
    if not lists.is_dir():
        (lists / "partial").mkdir(parents=True)
        subprocess.run(["apt-get", *options, "--quiet=2", "update"], check=True)
    about = {}
    for record in records(lists.glob("*_main_*Packages*"), {"Package", "Source", "Section"}):
        name = record["Package"]
        about.setdefault(name, (record.get("Source", name).split(" ")[0],
                                record.get("Section", "")))
    seen = set()
    for record in records(lists.glob("*_main_*Translation-en*"), {"Package", "Description-en"}):
        name = record["Package"]
        if name in seen or name not in about or "Description-en" not in record:
            continue
        seen.add(name)
        title, _, body = record["Description-en"].partition("\n")
        body = re.sub(r"\n \.\n", "\n\n", body + "\n").strip()
        body = re.sub(r"[ \t]+", " ", re.sub(r"(?<!\n)\n(?!\n)\s?", " ", body))
        if len(body) >= 40:
            source, section = about[name]
            yield dict(name=name, source=source, section=section.split("/")[-1],
                       title=title.strip(), body=body)


def records(paths, keys):
    """The fields `keys` of every paragraph of apt's list files, the release's own lists first."""
    for path in sorted(paths, key=lambda p: ("security" in p.name, "updates" in p.name, p.name)):
        text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", str(path)],
                              capture_output=True, check=True).stdout.decode("utf8", "replace")
        for paragraph in text.split("\n\n"):
            record, key = {}, None
            for line in paragraph.split("\n"):
                if line[:1] in (" ", "\t"):
                    if key:
                        record[key] += "\n" + line
                    continue
                key, _, value = line.partition(":")
                key = key if key in keys else None
                if key:
                    record[key] = value.strip()
            if "Package" in record:
                yield record


def download(names, work):
    """Unpack the texts of Debian packages, not installed, below work/unpacked; returns that
    folder."""
    debs, root = Path(work, "debs"), Path(work, "unpacked")
    for folder in (debs, root):
        folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not (root / name).is_dir()]
    shown = subprocess.run(["apt-cache", "show", *missing], capture_output=True, text=True).stdout
    known = set(re.findall(r"(?m)^Package: (\S+)", shown))
    if len(known) < len(missing) / 2:
        raise SystemExit(f"apt's lists have {len(known)} of {len(missing)} packages of packages.txt: "
                         "run `apt-get update` first")
    for name in missing:
        if name not in known:
            print(f"left out, not in the archive: {name}", flush=True)
    missing = [name for name in missing if name in known]
    if missing:
        subprocess.run(["apt-get", "--quiet=2", "-o", "APT::Sandbox::User=root", "download",
                        *missing], cwd=debs, check=True)
    for name in missing:
        found = sorted(debs.glob(name + "_*.deb"))[-1]
        partial = root / (name + ".part")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        archive = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(found)],
                                   stdout=subprocess.PIPE)
        # tar fails where a pattern matches nothing: packages need not have every folder
        subprocess.run(["tar", "-x", "-C", str(partial), "--wildcards",
                        *(f"./usr/share/{x}/*" for x in FOLDERS)],
                       stdin=archive.stdout, stderr=subprocess.DEVNULL)
        archive.stdout.close()
        if archive.wait():
            raise SystemExit(f"cannot unpack {found}")
        partial.rename(root / name)
        found.unlink()
    return root


def documents(root):
    """Text, Markdown, reStructuredText and HTML under root/usr/share/doc."""
    for path in files(Path(root, "usr/share/doc")):
        name = os.path.basename(path).lower().removesuffix(".gz")
        if name.startswith(("changelog", "copyright", "news.debian")):
            continue
        is_html = name.endswith((".html", ".htm"))
        if not (is_html or name.endswith((".txt", ".md", ".rst", ".pod"))
                or name.startswith(("readme", "news", "faq", "howto", "notes"))):
            continue
        try:
            text = read(path, 400_000)
        except (OSError, EOFError, gzip.BadGzipFile):
            continue
        text = tidy(plain(text) if is_html else text)
        if len(text) >= 80 and english(text):
            yield dict(name=os.path.relpath(path, root), body=text)


def plain(text):
    text = re.sub(r"(?is)<(script|style|head|nav).*?</\1>", " ", text)
    text = re.sub(r"(?i)</(p|div|h\d|li|tr|pre)>|<br ?/?>", "\n", text)
    return html.unescape(re.sub(r"<[^>]+>", "", text))


def tidy(text):
    text = re.sub(r" ?\n ?", "\n", re.sub(r"[ \t]+", " ", text))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def glosses(root):
    """WordNet's synsets: the words that name it, and its definition without the examples."""
    for path in sorted(Path(root, "usr/share/wordnet").glob("data.*")):
        for line in read(path).splitlines():
            if line.startswith(" "):
                continue
            head, _, gloss = line.partition(" | ")
            fields = head.split()
            words = [re.sub(r"\(.*\)", "", w).replace("_", " ")
                     for w in fields[4:4 + 2 * int(fields[3], 16):2]]
            definition = re.sub(r'; ".*', "", gloss).strip()
            if len(definition.split()) >= 5:
                yield dict(name=path.suffix[1:] + fields[0], title=", ".join(words),
                           body=definition)


def briefs(root):
    """Short general English: dictionary entries by headword, fortunes, and words alone."""
    for path in sorted(Path(root, "usr/share/dictd").glob("*.dict.dz")):
        yield from senses(path) if path.name.startswith("gcide") else entries(path)
    for path in sorted(Path(root, "usr/share/games/fortunes").glob("*")):
        if not path.suffix and path.is_file() and not path.is_symlink():
            for i, text in enumerate(read(path).split("\n%\n")):
                text = " ".join(text.split())
                if 40 <= len(text) <= BRIEF and english(text):
                    yield dict(name=f"{path.name}/{i}", body=text)
    for path in sorted(Path(root, "usr/share/dict").glob("american-*")):
        for word in read(path).split():
            if len(word) > 2 and word.islower() and word.isalpha():
                yield dict(name=word, body=word)


def entries(path):
    """The entries of a dictd dictionary, cut to about their first sentences."""
    text, digits = gzip.decompress(path.read_bytes()), {c: i for i, c in enumerate(BASE64)}

    def number(code):
        value = 0
        for digit in code:
            value = 64 * value + digits[digit]
        return value

    index = Path(str(path).removesuffix(".dict.dz") + ".index")
    for line in read(index).splitlines():
        head, start, size = line.split("\t")[:3]
        if head.startswith(("00-", "00database")):
            continue
        entry = text[number(start):number(start) + number(size)].decode("utf8", "replace")
        body = " ".join(entry.partition("\n")[2].split())[:BRIEF].rpartition(" ")[0]
        if len(body) >= 40 and english(body + " " + body):
            yield dict(name=f"{index.stem}/{head}", title=head, body=body)


HEAD = re.compile(r"([^\\\n]{2,40}?) \\[^\\]*\\")
GRAMMAR = re.compile(r"(?:\s|,|\([^()]*\)|\b(?:[a-z]{1,6}|pl)\.|&|;)*")
PHRASE = re.compile(r"\{([^{}]+)\}(?: \([A-Z][^()]*\))?,\s+(.*)")
NUMBER = re.compile(r"(?:\d+\. |\([a-z]\) |\([A-Z][^()]*\) )+")
EXAMPLE = re.compile(r"; as, | \([b-z]\) ")
MARKS = re.compile(r"\[[^\[\]]*\]|\s--\s?[A-Z][^.]*(?:\.[^.]*)*$|[{}]")


def senses(path):
    """The senses of the GNU dictionary's entries, by headword: the definition alone, without
    etymology, quotations, notes, what is obsolete, and what was taken from WordNet."""
    word, count = "", 0
    for block in gzip.decompress(path.read_bytes()).decode("utf8", "replace").split("\n\n"):
        block = block.strip("\n")
        if block[:1].strip():
            found = HEAD.match(block)
            word = found.group(1) if found else ""
            block = after_etymology(block[found.end():]) if found else ""
        elif block.startswith("    " * 2) or not word:
            continue                                                   # a quotation
        block = " ".join(block.split())
        if "WordNet" in block or re.search(r"\[(Obs|R|Archaic|Prov)\b", block):
            continue
        phrase = PHRASE.match(block)
        title, body = phrase.groups() if phrase else (word, block)
        body = EXAMPLE.split(NUMBER.sub("", MARKS.sub("", body), 1))[0].strip(" ;")
        if (body.isascii() and not body.startswith(("Note:", "Syn:", "See ", "Same as ", "["))
                and len(body.split()) >= 5 and len(body) <= BRIEF):
            count += 1
            yield dict(name=f"gcide/{count}", title=title, body=body)


def after_etymology(text):
    """What follows pronunciation, part of speech and the bracketed etymology of an entry."""
    text = text[GRAMMAR.match(text).end():]
    if text.startswith("["):
        depth = 0
        for i, character in enumerate(text):
            depth += (character == "[") - (character == "]")
            if not depth:
                return text[GRAMMAR.match(text, i + 1).end():]
        return ""
    return text
