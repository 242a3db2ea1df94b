#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes natgwctl(8) of what natgwctl says itself, so that no command and no option is missing:
`command_page.py build/natgwctl man/natgwctl.8.in`; the page goes to standard output.
"""
import re
import subprocess
import sys

from roff import escape, fill, lines_of, quoted

ROW = re.compile(r"  (\S.*?)(?:  +(\S.*))?$")


def ask(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def rows(text, first, last=None):
    """(left, text) of a list in a help; a left part that is too long has its text in the next
    line."""
    part = text.partition(f"\n{first}")[2].partition("\n")[2]
    part = part.partition(f"\n{last}")[0] if last else part
    made = []
    for line in part.splitlines():
        if line.startswith("   ") and made:
            made[-1][1] = f"{made[-1][1]} {line.strip()}".strip()
        elif line.startswith("  "):
            made.append(list(ROW.match(line).groups(default="")))
        elif made:
            break
    return made


def name_of(left):
    """The words of a command in front of its arguments."""
    words = left.split()
    kept = [word for word in words if re.fullmatch(r"[a-z][a-z-]*", word)]
    return kept[:next((at for at, word in enumerate(words) if word not in kept), len(words))]


def item(left):
    """Names in bold, what stands for something else in italics."""
    words = []
    for word in left.split():
        is_name = re.fullmatch(r"-?-?[a-z][a-z-]*,?|-[a-z],?", word)
        words.append(f"\\f{'B' if is_name else 'I'}{escape(word)}\\fR")
    return ".It " + quoted(" ".join(words))


def options(listed):
    yield ".Bl -tag -width indent"
    for left, text in listed:
        yield item(left)
        yield from lines_of(escape(text))
    yield ".El"


def commands(program, whole):
    common = rows(whole, "options")
    yield ".Bl -tag -width indent"
    for left, text in rows(whole, "commands", "options"):
        yield item(left)
        yield from lines_of(escape(text))
        own = [row for row in rows(ask(program, *name_of(left), "--help"), "options")
               if row not in common]
        if own:
            yield from options(own)
    yield ".El"


def main():
    program, frame = sys.argv[1:3]
    whole = ask(program, "--help")
    lines = [*commands(program, whole), ".Sh OPTIONS", "Wherever they stand:",
             *options(rows(whole, "options"))]
    fill(frame, "@COMMANDS@", lines)


if __name__ == "__main__":
    main()
