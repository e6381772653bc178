# SPDX-License-Identifier: PostgreSQL
"""objects.py: what the object files of a build really use of each other; for check-layers and shape.

What nm lists is what the linker sees: functions that are static or were inlined do not count."""
import collections
import os
import subprocess


class Objects:
    """defined: {symbol: file}; uses: {file: {file: the symbols that it takes from there}}. A file is its path below proxy/."""

    def __init__(self, build, wanted):
        self.defined, self.uses, taken = {}, {}, {}
        for path, name in sorted(object_files(build)):
            if name not in wanted or name in taken:
                continue
            taken[name] = set()
            for symbol, kind in symbols_of(path):
                if kind == "U":
                    taken[name].add(symbol)
                elif symbol != "main":
                    self.defined[symbol] = name
        for name, symbols in taken.items():
            self.uses[name] = collections.defaultdict(set)
            for symbol in symbols & self.defined.keys():
                self.uses[name][self.defined[symbol]].add(symbol)

    def used_outside(self):
        """All symbols that a file other than their own uses."""
        return set().union(*(symbols for used in self.uses.values() for symbols in used.values()))


def object_files(build):
    """(path, name of the source below proxy/) of the object files in a build directory of CMake."""
    for folder, _, names in os.walk(build):
        for name in names:
            if name.endswith(".c.o") and "/proxy/" in folder + "/":
                path = os.path.join(folder, name)
                yield path, path[path.rindex("/proxy/") + len("/proxy/"):-len(".o")]


def symbols_of(path):
    done = subprocess.run(["nm", "--extern-only", "--portability", path], stdout=subprocess.PIPE, text=True, check=True)
    for line in done.stdout.splitlines():
        yield line.split()[:2]


def circles(graph):
    """The strongly connected components of more than one node, the largest first; graph is {node: other nodes}."""
    order, low, stack, found = {}, {}, [], []

    def visit(node):
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in order:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], order[other])
        if low[node] == order[node]:
            at = stack.index(node)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return sorted(found, key=len, reverse=True)


def shortest_circle(graph, members):
    """One of the shortest ways from a member back to itself, as a list of nodes that begins and ends with it."""
    best = None
    for start in sorted(members):
        ways, seen = [[start]], set()
        while ways:
            way = ways.pop(0)
            for other in sorted(graph.get(way[-1], ())):
                if other == start and (best is None or len(way) < len(best) - 1):
                    best = way + [start]
                if other in members and other not in seen:
                    seen.add(other)
                    ways.append(way + [other])
    return best
