# SPDX-License-Identifier: PostgreSQL
"""documents.py TEAL [--fix]: the generated parts of the documents are what the program prints.

In a Markdown file the lines between "<!-- dump: NAME -->" and "<!-- end -->" are those of `teal --dump=NAME`, and those
behind "<!-- file: PATH -->" are that file, within a code fence when the document has one there. Those behind "<!-- layers:
PATH -->" are a table of that list: each layer with the sentence above it. config/teal.ini and its manual page are
generated as a whole. A link from one document to another names a file, and a heading in it, that is there. A path in
a code span names a file as well, from the top, from proxy/ or from the document's folder.
"""
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BLOCK = re.compile(r"(<!-- (dump|file|layers): ([A-Za-z0-9_:./-]+) -->\n)(.*?)(<!-- end -->)", re.S)
FENCE = re.compile(r"\A(\s*```[a-z]*\n)(.*?)(```\s*)\Z", re.S)
LINK = re.compile(r"\]\(([^)\s:#]*)(?:#([^)\s]+))?\)")
PATH = re.compile(r"`([\w.][\w.-]*(?:/[\w.-]+)*/[\w-]+\.(?:c|h|def|py|txt|cmake|md|ini))`")
PLACEHOLDER = re.compile(r"(?:^|[/_])[A-Z]+(?=[/.])(?!\.md)")  # as in tests/unit/LAYER/test_FILE.c
HEADING = re.compile(r"^#+ +(.*)$", re.M)
FILES = {"config/teal.ini": "sample-config", "config/man/teal.ini.5": "manual:config"}


def dump(teal, name):
    done = subprocess.run([teal, "--dump=" + name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=20)
    return done.stdout if done.returncode == 0 else None


def content(name):
    try:
        with open(os.path.join(TOP, name)) as f:
            return f.read()
    except FileNotFoundError:
        return None


def layers(name):
    """A row for each layer; None when one of them has no sentence."""
    table, sentence = "| layer | what it is |\n|---|---|\n", None
    for line in (content(name) or "").split("\n"):
        if line.startswith("#"):
            sentence = line[1:].strip()
        elif not line:
            sentence = None
        elif sentence is None:
            return None
        else:
            table += "| `%s` | %s |\n" % (line.split(":")[0], sentence)
            sentence = None
    return table


def documents():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=TOP, stdout=subprocess.PIPE, text=True, check=True)
    return [name for name in listed.stdout.split("\n") if name and os.path.exists(os.path.join(TOP, name))]


def renewed(teal, text, mistakes, name):
    def replace(match):
        head, kind, what, old, end = match.groups()
        wanted = {"dump": lambda name: dump(teal, name), "file": content, "layers": layers}[kind](what)
        if wanted is None:
            mistakes.append("%s: there is no %s %s" % (name, kind, what))
            return match.group(0)
        fence = FENCE.match(old)
        body = fence.group(1) + wanted + fence.group(3) if fence else wanted
        return head + body + end
    return BLOCK.sub(replace, text)


def anchors(path):
    """The anchors that GitHub gives to the headings of a document."""
    with open(path) as f:
        return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in HEADING.findall(f.read())}


def broken_links(name, text):
    for path, anchor in LINK.findall(text):
        target = os.path.join(TOP, os.path.dirname(name), path) if path else os.path.join(TOP, name)
        if not os.path.exists(target):
            yield "%s: there is no %s" % (name, path)
        elif anchor and anchor not in anchors(target):
            yield "%s: %s has no heading #%s" % (name, path or name, anchor)


def missing_files(name, text):
    places = (TOP, os.path.join(TOP, "proxy"), os.path.join(TOP, os.path.dirname(name)))
    for path in sorted(set(PATH.findall(text))):
        if not PLACEHOLDER.search(path) and not any(os.path.exists(os.path.join(place, path)) for place in places):
            yield "%s: there is no %s" % (name, path)


def main():
    teal, fix = os.path.abspath(sys.argv[1]), "--fix" in sys.argv
    mistakes, seen = [], 0
    wanted = {}
    for name in documents():
        with open(os.path.join(TOP, name)) as f:
            text = f.read()
        seen += len(BLOCK.findall(text))
        wanted[name] = (text, renewed(teal, text, mistakes, name))
        mistakes += broken_links(name, text)
        mistakes += missing_files(name, text)
    for name, what in FILES.items():
        path, output = os.path.join(TOP, name), dump(teal, what)
        if output and os.path.exists(path):
            with open(path) as f:
                wanted[name] = (f.read(), output)
            seen += 1
    for name, (old, new) in wanted.items():
        if old == new:
            continue
        if fix:
            with open(os.path.join(TOP, name), "w") as f:
                f.write(new)
        else:
            mistakes.append("%s: not what the program prints or the file holds; run scripts/lib/documents.py %s --fix" % (name, sys.argv[1]))
    for mistake in mistakes:
        print(mistake)
    print("documents: %d generated parts, %d mistakes" % (seen, len(mistakes)))
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
