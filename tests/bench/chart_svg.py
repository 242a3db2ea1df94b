# SPDX-License-Identifier: GPL-2.0-only
"""A chart as SVG: axes, lines or bars with whiskers from the least to the largest value, a legend.

Places are in pixels; y grows downwards.
"""
import collections
import html
import math

WIDTH, HEIGHT = 980, 540
LEFT, RIGHT, TOP, BOTTOM = 84, 730, 56, 470
LEGEND_X, LEGEND_STEP = RIGHT + 24, 24
GRID, FRAME, INK = "#dddddd", "#888888", "#222222"
WHISKER = 4  # half of its width
GROUP_SHARE = 0.8  # of a group's room, for its bars

# Of one subject. points: (place on the x axis, Value); dash: of the line, "" for a whole one.
Series = collections.namedtuple("Series", "name colour dash points")
Value = collections.namedtuple("Value", "low middle high")


class LogScale:
    """1, 2 and 5 of each decade are ticks."""

    def __init__(self, values):
        self.low = self._nice(min(values), down=True)
        self.high = self._nice(max(values), down=False)

    @staticmethod
    def _steps(least, most):
        first, last = math.floor(math.log10(least)), math.ceil(math.log10(most))
        return [step * 10.0 ** decade for decade in range(first, last + 1) for step in (1, 2, 5)]

    def _nice(self, value, down):
        steps = self._steps(value, value)
        if down:
            return max(step for step in steps if step <= value * 1.001)
        return min((step for step in steps if step >= value * 0.999), default=steps[-1] * 2)

    def ticks(self):
        return [step for step in self._steps(self.low, self.high)
                if self.low * 0.999 <= step <= self.high * 1.001]

    def share(self, value):
        """0 at the low end, 1 at the high one."""
        if self.high <= self.low:
            return 0.5
        return math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)


class LinearScale:
    """From zero."""

    def __init__(self, values):
        most = max(max(values), 1e-9)
        step = 10.0 ** math.floor(math.log10(most / 4))
        self.step = next(step * factor for factor in (1, 2, 5, 10) if most / (step * factor) <= 7)
        self.high = math.ceil(most / self.step) * self.step

    def ticks(self):
        return [self.step * number for number in range(round(self.high / self.step) + 1)]

    def share(self, value):
        return max(value, 0) / self.high


def text(x, y, words, anchor="middle", size=12, more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{more}>'
            f'{html.escape(words)}</text>')


def stroke(x1, y1, x2, y2, colour, more=""):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"'
            f'{more}/>')


def tick_name(value):
    if value >= 10000:
        return f"{value / 1000:,.0f} k"
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


class Chart:
    """x_ticks: (place, name); places are shares of the width. log: the y axis."""

    def __init__(self, title, x_name, y_name, x_ticks, values, log):
        self.scale = LogScale(values) if log else LinearScale(values)
        self.legend = 0
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
            f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" fill="{INK}">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            text((LEFT + RIGHT) / 2, 30, title, size=17),
            text((LEFT + RIGHT) / 2, BOTTOM + 48, x_name, size=13),
            text(0, 0, y_name, size=13, more=f' transform="translate(22 {(TOP + BOTTOM) / 2}) '
                                             'rotate(-90)"')]
        for value in self.scale.ticks():
            y = self.y(value)
            self.parts += [stroke(LEFT, y, RIGHT, y, GRID),
                           text(LEFT - 8, y + 4, tick_name(value), "end")]
        for place, name in x_ticks:
            x = self.x(place)
            self.parts += [stroke(x, BOTTOM, x, BOTTOM + 5, FRAME), text(x, BOTTOM + 20, name)]
        self.parts.append(f'<rect x="{LEFT}" y="{TOP}" width="{RIGHT - LEFT}" '
                          f'height="{BOTTOM - TOP}" fill="none" stroke="{FRAME}"/>')

    @staticmethod
    def x(place):
        return LEFT + place * (RIGHT - LEFT)

    def y(self, value):
        return BOTTOM - self.scale.share(value) * (BOTTOM - TOP)

    def whisker(self, x, value, colour):
        low, high = self.y(value.low), self.y(value.high)
        if low - high < 1:
            return
        self.parts += [stroke(x, low, x, high, colour),
                       stroke(x - WHISKER, low, x + WHISKER, low, colour),
                       stroke(x - WHISKER, high, x + WHISKER, high, colour)]

    def name(self, series, mark):
        """The next line of the legend; mark: a function of its y that draws the sign."""
        y = TOP + 12 + self.legend * LEGEND_STEP
        self.legend += 1
        self.parts += [mark(y), text(LEGEND_X + 38, y + 4, series.name, "start", 13)]

    def line(self, series):
        dash = f' stroke-width="2" stroke-dasharray="{series.dash}"' if series.dash \
            else ' stroke-width="2"'
        self.name(series, lambda y: stroke(LEGEND_X, y, LEGEND_X + 30, y, series.colour, dash))
        places = [(self.x(place), value) for place, value in series.points]
        corners = " ".join(f"{x:.1f},{self.y(value.middle):.1f}" for x, value in places)
        self.parts.append(f'<polyline points="{corners}" fill="none" stroke="{series.colour}"'
                          f'{dash}/>')
        for x, value in places:
            self.whisker(x, value, series.colour)
            self.parts.append(f'<circle cx="{x:.1f}" cy="{self.y(value.middle):.1f}" r="3" '
                              f'fill="{series.colour}"/>')

    def bars(self, series, number, count, groups):
        """The bars of the subject at place "number" of "count", in groups that share the width."""
        self.name(series, lambda y: f'<rect x="{LEGEND_X + 8}" y="{y - 7:.1f}" width="14" '
                                    f'height="14" fill="{series.colour}"/>')
        room = GROUP_SHARE / groups
        width = room / count * (RIGHT - LEFT)
        for place, value in series.points:
            x = self.x(place - room / 2 + room * number / count)
            y = self.y(value.middle)
            self.parts.append(f'<rect x="{x + 1:.1f}" y="{y:.1f}" width="{width - 2:.1f}" '
                              f'height="{BOTTOM - y:.1f}" fill="{series.colour}"/>')
            self.whisker(x + width / 2, value, INK)

    def svg(self):
        return "\n".join(self.parts + ["</svg>"]) + "\n"
