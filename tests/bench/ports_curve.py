# SPDX-License-Identifier: GPL-2.0-only
"""The curve of BENCH=ports as SVG: all of it on the left, the last percent on the right."""
import collections
import math

# points: (fill_percent, ns); last, refusal: ns or None
Line = collections.namedtuple("Line", "name points last refusal")

COLOURS = ("#0b62a4", "#2b9a66", "#6b4c9a", "#c1440e")
WIDTH, HEIGHT = 1000, 520
TOP, BOTTOM = 70, 450
PANELS = ((0, 100, 80, 620, (0, 25, 50, 75, 100)),
          (99, 100, 680, 900, (99, 99.5, 100)))  # first and last %, left and right x, labels
REFUSAL_X = 955
DECADES = (2, 6)  # 100 ns to 1 ms


def y_of(ns):
    low, high = DECADES
    place = (math.log10(max(ns, 10 ** low)) - low) / (high - low)
    return round(BOTTOM - min(place, 1) * (BOTTOM - TOP), 1)


def x_of(panel, percent):
    first, last, left, right, _ = panel
    return round(left + (percent - first) / (last - first) * (right - left), 1)


def text(x, y, words, anchor="middle", size=12):
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}">{words}</text>'


def time_name(ns):
    for limit, divisor, unit in ((1e3, 1, "ns"), (1e6, 1e3, "µs"), (math.inf, 1e6, "ms")):
        if ns < limit:
            return f"{ns / divisor:g} {unit}"
    return ""


def grid():
    for panel in PANELS:
        _, _, left, right, labels = panel
        yield (f'<rect x="{left}" y="{TOP}" width="{right - left}" height="{BOTTOM - TOP}" '
               'fill="none" stroke="#888"/>')
        for percent in labels:
            x = x_of(panel, percent)
            yield f'<line x1="{x}" y1="{TOP}" x2="{x}" y2="{BOTTOM}" stroke="#ddd"/>'
            yield text(x, BOTTOM + 18, f"{percent} %")
    right = REFUSAL_X + 20
    for decade in range(DECADES[0], DECADES[1] + 1):
        y = y_of(10 ** decade)
        yield f'<line x1="{PANELS[0][2]}" y1="{y}" x2="{right}" y2="{y}" stroke="#ddd"/>'
        yield text(PANELS[0][2] - 8, y + 4, time_name(10 ** decade), "end")
    yield text(REFUSAL_X, BOTTOM + 18, "refused")
    yield text((PANELS[0][2] + PANELS[0][3]) / 2, BOTTOM + 44, "ports of the destination in use")
    yield text((PANELS[1][2] + PANELS[1][3]) / 2, BOTTOM + 44, "the last percent")


def path(panel, line, colour):
    first, last = panel[0], panel[1]
    points = [(percent, ns) for percent, ns in line.points if first <= percent <= last]
    if line.last is not None:
        points.append((100, line.last))
    places = " ".join(f"{x_of(panel, percent)},{y_of(ns)}" for percent, ns in points)
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"/>'


def draw(lines):
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
             f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" fill="#222">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
             text(WIDTH / 2, 26, "CPU time of a new session's first packet while the ports to one "
                  "destination run out", size=17)]
    parts += grid()
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        x = 90 + number * 220
        parts.append(f'<line x1="{x}" y1="48" x2="{x + 30}" y2="48" stroke="{colour}" '
                     'stroke-width="3"/>')
        parts.append(text(x + 38, 52, line.name, "start", 13))
        parts += [path(panel, line, colour) for panel in PANELS]
        if line.refusal is not None:
            parts.append(f'<circle cx="{REFUSAL_X}" cy="{y_of(line.refusal)}" r="5" '
                         f'fill="{colour}"/>')
    return "\n".join(parts + ["</svg>"]) + "\n"
