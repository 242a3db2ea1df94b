# SPDX-License-Identifier: GPL-2.0-only
"""Text as roff wants it, for the manual pages that are made of something else."""
import re
import textwrap

WIDTH = 78
SENTENCE = re.compile(r"(?<=[.:;?!])\s+(?=[A-Z0-9\\])")
MARKED = re.compile(r"(`[^`]*`|\*\*[^*]+\*\*|\*[^*\s][^*]*\*|\[[^\]]+\]\([^)]+\))")


def escape(text):
    """What roff would take for something else."""
    return text.replace("\\", "\\e").replace("-", "\\-")


def inline(text):
    """Markdown within a paragraph."""
    made = []
    for part in MARKED.split(text):
        if part.startswith("`"):
            made.append("\\fB" + escape(part[1:-1]) + "\\fR")
        elif part.startswith("**"):
            made.append("\\fB" + escape(part[2:-2]) + "\\fR")
        elif part.startswith("*") and len(part) > 2:
            made.append("\\fI" + escape(part[1:-1]) + "\\fR")
        elif part.startswith("[") and "](" in part:
            made.append(escape(part[1:part.index("](")]))
        else:
            made.append(escape(part))
    return "".join(made)


def lines_of(text):
    """A sentence begins a line, and a line that begins like a request is kept from being one."""
    for sentence in SENTENCE.split(text.strip()):
        for line in textwrap.wrap(sentence, WIDTH, break_long_words=False, break_on_hyphens=False):
            yield guard(line)


def guard(line):
    return "\\&" + line if line[:1] in (".", "'") else line


def quoted(text):
    """One argument of a request; names of macros in it are not called."""
    return '"' + text.replace('"', "\\(dq") + '"'


def fill(frame, mark, lines):
    """The text of the file frame, with lines in the place of the mark."""
    with open(frame, encoding="utf-8") as file:
        print(file.read().replace(mark, "\n".join(lines)).rstrip("\n"))
