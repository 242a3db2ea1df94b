#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes natgw.yaml(5) of docs/configuration.md, so that the keys are described in one place:
`config_page.py docs/configuration.md man/natgw.yaml.5.in`; the page goes to standard output.

Knows as much of Markdown as that file uses: headings, paragraphs, lists, tables, blocks of code,
`code`, **bold**, *italics* and [links](to).
"""
import re
import sys

from roff import escape, fill, guard, inline, lines_of, quoted

NAME_COLUMNS = 1
FACTS = {"Type": "", "Default": "default ", "Unit": "in "}
SAID_BY_ITSELF = ("", "Meaning", "What happens", "What it does", "What it finds", "Living sessions")
READABLE = (("…", "..."), ("→", "->"), ("×", "x"), ("’", "'"))


def cells_of(line):
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def table(rows):
    """A list: the first column is the name, the others follow under their headings."""
    head = cells_of(rows[0])
    yield ".Bl -tag -width indent"
    for row in rows[2:]:
        cells = cells_of(row)
        yield ".It " + quoted(inline(cells[0]))
        facts, texts = [], []
        for title, cell in zip(head[NAME_COLUMNS:], cells[NAME_COLUMNS:]):
            if cell and title in FACTS:
                facts.append(FACTS[title] + inline(cell))
            elif cell and title in SAID_BY_ITSELF:
                texts.append(inline(cell))
            elif cell:
                texts.append(f"{inline(title)}: {inline(cell)}")
        if facts:
            yield from lines_of("(%s)" % ", ".join(facts).replace("default required", "required"))
        yield from lines_of(". ".join(text.removesuffix(".") for text in texts) + ".")
    yield ".El"


def blocks_of(text):
    """Yields (kind, lines) of the parts of the text."""
    block = []
    kind = None
    for line in text.splitlines() + [""]:
        if kind == "code":
            if line.startswith("```"):
                yield kind, block
                kind, block = None, []
            else:
                block.append(line)
            continue
        now = ("code" if line.startswith("```") else "head" if line.startswith("#")
               else "table" if line.startswith("|")
               else "list" if line.startswith(("* ", "- ")) else "text" if line else None)
        if now != kind or now == "head":
            if block:
                yield kind, block
            block = []
            kind = now
        if now and now != "code":
            block.append(line)
    if block:
        yield kind, block


def page(text):
    after_head = True
    for kind, block in blocks_of(text):
        if kind == "head":
            level = len(block[0]) - len(block[0].lstrip("#"))
            if level > 1:
                title = escape(block[0].lstrip("# ").strip())
                yield (".Sh " + title.upper()) if level == 2 else (".Ss " + title)
                after_head = True
            continue
        if kind == "text":
            if not after_head:
                yield ".Pp"
            yield from lines_of(inline(" ".join(block)))
        elif kind == "code":
            yield ".Bd -literal -offset indent"
            yield from (guard(escape(line)) for line in block)
            yield ".Ed"
        elif kind == "list":
            yield ".Bl -bullet"
            for line in block:
                yield ".It"
                yield from lines_of(inline(line[2:]))
            yield ".El"
        else:
            yield from table(block)
        after_head = False


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    for old, new in READABLE:
        text = text.replace(old, new)
    fill(sys.argv[2], "@CONFIGURATION@", page(text))


if __name__ == "__main__":
    main()
