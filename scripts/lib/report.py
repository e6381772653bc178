# SPDX-License-Identifier: PostgreSQL
"""report.py: the demo's result as one HTML file without any outside reference: latency and throughput as SVG."""
import glob
import html
import math
import os

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 1080, 250, 62, 12, 26, 26
BIN = 0.1  # seconds


def pgbench_samples(work, offset):
    """{"read-write": [(done, latency)...]}: seconds, done on the monotonic clock, latency from the scheduled start."""
    samples = {}
    for name in ("read-write", "read-only"):
        rows = []
        for path in glob.glob(os.path.join(work, "pgbench-%s-*.[0-9]*" % name)):
            with open(path) as f:
                for line in f:
                    part = line.split()
                    if len(part) >= 6 and part[2].isdigit():
                        rows.append((int(part[4]) + int(part[5]) / 1e6 - offset, int(part[2]) / 1e6))
        samples[name] = sorted(rows)
    return samples


def binned(samples, begin, end):
    """One list of latencies for each tenth of a second, by completion."""
    bins = [[] for _ in range(max(1, math.ceil((end - begin) / BIN)))]
    for done, latency in samples:
        at = int((done - begin) / BIN)
        if 0 <= at < len(bins):
            bins[at].append(latency)
    for values in bins:
        values.sort()
    return bins


def quantile(values, q):
    return values[min(len(values) - 1, int(len(values) * q))] if values else None


class Chart:
    """One plot over the common time axis."""

    def __init__(self, begin, end, title, low, high, log, unit):
        self.begin, self.end, self.low, self.high, self.log = begin, end, low, high, log
        self.parts = ['<text class="title" x="%d" y="16">%s</text>' % (LEFT, html.escape(title))]
        self.axes(unit)

    def x(self, when):
        return LEFT + (when - self.begin) / (self.end - self.begin) * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        if self.log:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - min(1.0, share) * (HEIGHT - TOP - BOTTOM)

    def axes(self, unit):
        for value in self.ticks():
            y = self.y(value)
            self.parts.append('<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>' % (LEFT, WIDTH - RIGHT, y, y))
            self.parts.append('<text class="tick" x="%d" y="%.1f" text-anchor="end">%g %s</text>' % (LEFT - 6, y + 4, value, unit))
        step = 5 if self.end - self.begin < 90 else 10
        for second in range(0, int(self.end - self.begin) + 1, step):
            x = self.x(self.begin + second)
            self.parts.append('<text class="tick" x="%.1f" y="%d" text-anchor="middle">%d s</text>' % (x, HEIGHT - 8, second))

    def ticks(self):
        if self.log:
            value = self.low
            while value <= self.high * 1.01:
                yield value
                value *= 10
            return
        step = 10 ** math.floor(math.log10(self.high))
        while self.high / step < 4:
            step /= 2
        for n in range(int(self.high / step) + 1):
            yield n * step

    def flips(self, flips, marks):
        for title, begin, end in flips:
            x, wide = self.x(begin), max(2.0, self.x(end) - self.x(begin))
            self.parts.append('<rect class="flip" x="%.1f" y="%d" width="%.1f" height="%d"/>' % (x, TOP, wide, HEIGHT - TOP - BOTTOM))
            self.parts.append('<text class="mark" x="%.1f" y="%d">%s</text>' % (x + 3, TOP + 10, html.escape(title)))
        for title, when in marks:
            x = self.x(when)
            self.parts.append('<line class="change" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>' % (x, x, TOP, HEIGHT - BOTTOM))
            self.parts.append('<text class="mark" x="%.1f" y="%d">%s</text>' % (x + 3, TOP + 22, html.escape(title)))

    def line(self, values, css):
        """values: one number or None for each bin; None breaks the line."""
        path, pen = [], "M"
        for at, value in enumerate(values):
            if value is None:
                pen = "M"
                continue
            path.append("%s%.1f %.1f" % (pen, self.x(self.begin + (at + 0.5) * BIN), self.y(value)))
            pen = "L"
        self.parts.append('<path class="%s" d="%s"/>' % (css, " ".join(path)))

    def legend(self, entries):
        x = WIDTH - RIGHT - 110 * len(entries)
        for css, text in entries:
            self.parts.append('<path class="%s" d="M%d 12 h22"/><text class="tick" x="%d" y="16">%s</text>' % (css, x, x + 26, text))
            x += 110

    def svg(self):
        return '<svg viewBox="0 0 %d %d" role="img">%s</svg>' % (WIDTH, HEIGHT, "".join(self.parts))


def latency_chart(name, samples, begin, end, flips, marks):
    bins = binned(samples, begin, end)
    slowest = max([v[-1] for v in bins if v] or [0.01]) * 1000
    chart = Chart(begin, end, "latency, " + name, 0.1, 10 ** math.ceil(math.log10(max(slowest, 10))), True, "ms")
    chart.flips(flips, marks)
    for css, q in (("max", 1.0), ("p99", 0.99), ("p50", 0.5)):
        chart.line([None if not v else quantile(v, q) * 1000 for v in bins], css)
    chart.legend([("p50", "p50"), ("p99", "p99"), ("max", "slowest")])
    return chart.svg()


def throughput_chart(series, begin, end, flips, marks):
    counts = {name: [len(v) / BIN for v in binned(samples, begin, end)] for name, samples in series.items()}
    highest = max(max(values) for values in counts.values()) or 1
    chart = Chart(begin, end, "completed a second, per 100 ms", 0, highest * 1.1, False, "/s")
    chart.flips(flips, marks)
    for css, (_, values) in zip(("p50", "p99", "max"), counts.items()):
        chart.line(values, css)
    chart.legend([(css, name) for css, name in zip(("p50", "p99", "max"), counts)])
    return chart.svg()


STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #1d2b2f; background: #fff; }
h1 { font-size: 1.5em; } h2 { font-size: 1.1em; margin-top: 1.6em; }
svg { width: 100%; height: auto; display: block; margin: .8em 0; }
.title { font: 600 13px system-ui, sans-serif; fill: #1d2b2f; } .tick { font: 11px system-ui, sans-serif; fill: #5b6b70; }
.mark { font: 11px system-ui, sans-serif; fill: #00636b; } .grid { stroke: #e3e9ea; } .flip { fill: #00a5a5; opacity: .25; }
.change { stroke: #00a5a5; stroke-dasharray: 3 3; } path { fill: none; stroke-width: 1.5; }
.p50 { stroke: #2b6cb0; } .p99 { stroke: #dd8a1b; } .max { stroke: #c0392b; stroke-width: 1; }
table { border-collapse: collapse; } td, th { padding: .2em 1.2em .2em 0; text-align: left; border-bottom: 1px solid #e3e9ea; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } pre { background: #f4f7f7; padding: 1em; overflow: auto; font-size: 12.5px; }
.good { color: #14764a; } .bad { color: #c0392b; }
"""


def table(rows):
    return "<table>%s</table>" % "".join(
        '<tr><td>%s</td><td class="n">%s</td></tr>' % (html.escape(str(a)), html.escape(str(b))) for a, b in rows)


def render(title, when, samples, records, flips, marks, holds, waits, verdict, reverse, good, story):
    verified = sorted((r["t1"], r["t1"] - r["t0"]) for r in records)
    everything = [s for rows in samples.values() for s in rows] + verified
    begin, end = min(s[0] for s in everything), max(s[0] for s in everything)
    parts = [latency_chart("pgbench " + name, rows, begin, end, flips, marks) for name, rows in samples.items() if rows]
    parts.append(latency_chart("verifying clients", verified, begin, end, flips, marks))
    parts.append(throughput_chart(dict(samples, verified=verified), begin, end, flips, marks))
    flips_table = table([(name, "held %s, longest wait of a client %.0f ms" % (hold, wait * 1000))
                         for (name, hold), wait in zip(holds, waits)] +
                        [("reverse lag after " + name, "%d B" % lag) for name, lag in reverse])
    return """<!doctype html><html lang="en"><meta charset="utf-8"><title>%s</title><style>%s</style>
<h1>%s</h1><p>%s &middot; <strong class="%s">%s</strong></p><h2>Verdict</h2>%s<h2>Flips</h2>%s<h2>Over time</h2>
<p>Shaded: a cutover or rollback from command to answer. Latency counts from the moment at which a transaction was due.</p>%s
<h2>The story</h2><pre>%s</pre></html>
""" % (html.escape(title), STYLE, html.escape(title), when, "good" if good else "bad",
       "every promise was kept" if good else "promises were broken", table(verdict), flips_table, "".join(parts),
       html.escape(story))
