# SPDX-License-Identifier: PostgreSQL
"""source.py: the sources of proxy/ as text, their functions and layers; for check-layers and shape.

Textual, not a parser: it relies on the form that check-form keeps (a function's brace alone in the first column, its
name at the beginning of a line)."""
import os
import re

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
DIRECTIVE = re.compile(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', re.M)
BLOCK = re.compile(r'\{[^{}]*\}')


def read_sources(top):
    """{path below proxy/: text} of all .c, .h and .def files."""
    proxy, found = os.path.join(top, "proxy"), {}
    for folder, _, names in os.walk(proxy):
        for name in names:
            if name.endswith((".c", ".h", ".def")):
                path = os.path.join(folder, name)
                with open(path, encoding="utf8") as f:
                    found[os.path.relpath(path, proxy)] = f.read()
    return dict(sorted(found.items()))


def read_layers(path):
    """{layer: the layers below it that it may use}."""
    layers = {}
    with open(path, encoding="utf8") as f:
        for line in f:
            name, _, below = line.split("#")[0].partition(":")
            if name.strip():
                layers[name.strip()] = below.split()
    return layers


def layer_of(path, layers):
    """The deepest layer that holds the file; None when there is none."""
    folder = os.path.dirname(path)
    while folder and folder not in layers:
        folder = os.path.dirname(folder)
    return folder or None


def without_comments(text):
    """The text without its comments and without what stands in quotes; lines stay where they are."""
    def blank(found):
        return found.group()[0] * 2 if found.group()[0] in "\"'" else "\n" * found.group().count("\n")
    return COMMENT_OR_STRING.sub(blank, text)


def declarations(header):
    """The names of the functions and variables that a header declares, in order, repeated ones twice."""
    text = DIRECTIVE.sub("", without_comments(header))
    while BLOCK.search(text):
        text = BLOCK.sub(lambda m: ";", text)
    names = []
    for statement in text.split(";"):
        found = re.search(r'\b([a-z_]\w*)\s*\(', re.sub(r'__attribute__\s*\(\(.*?\)\)|\b[A-Z_]{3,}\([^()]*\)', "", statement))
        extern = re.match(r'\s*extern\b.*?(\w+)\s*(?:\[[^\]]*\])*\s*$', statement, re.S)
        if extern:
            names.append(extern.group(1))
        elif found and not re.match(r'\s*(typedef|static|_Static_assert)\b', statement):
            names.append(found.group(1))
    return names


def functions(text):
    """(name, line of its brace, length in lines) of each function of a .c file."""
    lines, begin, name = without_comments(text).split("\n"), None, None
    for number, line in enumerate(lines):
        if begin is not None:
            if line.startswith("}"):
                if line.rstrip() == "}":
                    yield name, begin + 1, number - begin + 1
                begin = None
        elif line.rstrip() == "{" and number > 0 and "=" not in lines[number - 1]:
            begin, at = number, number - 1
            while at > 0 and not re.match(r'\w+\(', lines[at]):
                at -= 1
            name = lines[at].split("(")[0]
