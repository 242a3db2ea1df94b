#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs unit, PROG_TEST_RUN and namespace tests in that order and adds their results up.

Fails for what the tests themselves cannot see: a program that is not built, does not start,
crashes, hangs or runs nothing; a skip that tests/expected_skips does not list; a namespace,
pin or process left behind. Runs from the root of the tree; nothing is retried.
"""
import argparse
import fnmatch
import glob
import os
import re
import select
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

MARK = "NATGW_TEST_RUN"  # in the environment of everything that this run starts
PROGRAM_LIMIT_S = 900
PROGRAMS_BESIDE = 2
# They have a thread for each CPU, which race one another, or go by the clock.
PROGRAMS_ALONE = ("test_fast_life", "test_fill_race", "test_fill_race_all", "test_forward",
                  "test_limit", "test_mapping", "test_race", "test_race_kill",
                  "test_race_sweep",
                  "test_sequences_full", "test_session_log", "test_table", "test_table_tsan")
PYTEST_LIMIT_S = {False: 1500, True: 3600}
PYTEST_NOTHING = 5  # its exit status when no test was asked for
GRACE_S = 20  # between the signal that ends a program and the one that kills it
LEFTOVER_WAIT_S = 3
EXPECTED_SKIPS = "tests/expected_skips"
JUNIT_FILE = "build/tests/netns-%s.xml"

CMOCKA_RUN = re.compile(r"\[ RUN      \] (\S.*)$")
CMOCKA_RESULT = re.compile(r"\[(       OK |  FAILED  |  SKIPPED )\] (\S.*)$")
CMOCKA_TOTAL = re.compile(r"\[==========\].* Running (\d+) test\(s\)")


class Results:
    """What passed, failed and was skipped, each with its reason."""

    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []
        self.globs = read_expected_skips(self)

    def fail(self, name, reason):
        self.failed.append((name, reason))

    def skip(self, name, reason=""):
        for pattern in self.globs:
            if name == pattern or fnmatch.fnmatchcase(name, pattern):
                self.skipped.append((name, reason or self.globs[pattern]))
                return
        self.fail(name, "skipped, but not listed in %s: %s" % (EXPECTED_SKIPS, reason))

    def print_summary(self):
        for name, reason in self.skipped:
            print("SKIPPED %s: %s" % (name, reason))
        for name, reason in self.failed:
            print("FAILED %s: %s" % (name, reason))
        print("%d passed, %d failed, %d skipped"
              % (self.passed, len(self.failed), len(self.skipped)))
        sys.stdout.flush()

    def exit_status(self):
        return 0 if self.passed > 0 and not self.failed else 1


def read_expected_skips(results):
    """Lines `glob: reason`; empty lines and lines that begin with # are comments."""
    globs = {}
    if not os.path.exists(EXPECTED_SKIPS):
        return globs
    with open(EXPECTED_SKIPS, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            pattern, separator, reason = line.partition(": ")
            if not separator or not reason.strip():
                results.fail("%s:%d" % (EXPECTED_SKIPS, number), "not `glob: reason`")
                continue
            globs[pattern] = reason.strip()
    return globs


class Interrupted(Exception):
    """The user wants the run to end; what has run so far is still reported."""


def on_signal(_number, _frame):
    raise Interrupted()


def signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def end_group(process):
    """Ends a program and its group: asks, so that it can tidy up, waits, kills what is left."""
    signal_group(process, signal.SIGINT)
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        pass
    signal_group(process, signal.SIGKILL)
    process.wait()


class LineFeed:
    """Cuts what comes out of a pipe into lines, shows them and hands them on."""

    def __init__(self, pipe, on_line, show):
        self.pipe = pipe
        self.on_line = on_line
        self.show = show
        self.rest = b""

    def read(self, wait_s):
        """Returns False at the end of the pipe or when nothing came in the given time."""
        if not select.select([self.pipe], [], [], wait_s)[0]:
            return False
        data = os.read(self.pipe.fileno(), 65536)
        self.show(data.decode(errors="replace"))
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            self.on_line(line.decode(errors="replace"))
        return bool(data)

    def drain(self):
        """A daemon left behind may hold the pipe open, so not until its end."""
        while self.read(0):
            pass
        if self.rest:
            self.on_line(self.rest.decode(errors="replace"))
            self.show("\n")


def show(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def follow_program(process, limit_s, on_line):
    """Reads what a running program prints; returns False when its time is over."""
    feed = LineFeed(process.stdout, on_line, show)
    deadline = time.monotonic() + limit_s
    try:
        while process.poll() is None:
            if time.monotonic() > deadline:
                end_group(process)
                return False
            if not feed.read(0.2) and process.poll() is None:
                time.sleep(0.02)
    except Interrupted:
        end_group(process)
        raise
    finally:
        feed.drain()
    return True


def start_program(command):
    """In a group of its own, its output in a pipe."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, start_new_session=True)


def how_it_ended(process, in_time, limit_s):
    """(exit status, problem or "")"""
    if not in_time:
        return process.returncode, "still running after %d s" % limit_s
    if process.returncode < 0:
        return process.returncode, "ended by signal %s" % signal.Signals(-process.returncode).name
    return process.returncode, ""


def run_program(command, limit_s, on_line):
    """Runs one program to its end; returns (exit status or None, problem or "")."""
    try:
        process = start_program(command)
    except OSError as error:
        return None, "does not start: %s" % error.strerror
    with process.stdout:
        in_time = follow_program(process, limit_s, on_line)
    return how_it_ended(process, in_time, limit_s)


class CmockaReader:
    """Follows the standard output of cmocka, line by line."""

    def __init__(self, source, results):
        self.source = source
        self.results = results
        self.running = None
        self.announced = 0
        self.seen = 0
        self.failed = 0

    def on_line(self, line):
        total = CMOCKA_TOTAL.search(line)
        started = CMOCKA_RUN.search(line)
        ended = CMOCKA_RESULT.search(line)

        if total:
            self.announced += int(total.group(1))
        elif started:
            self.end_running("no result")
            self.running = started.group(1)
        elif ended and ended.group(2) == self.running:
            self.end_one(ended.group(1).strip())
        elif "[  FAILED  ] GROUP SETUP" in line or "[  FAILED  ] GROUP TEARDOWN" in line:
            self.fail(self.source, line.strip())

    def fail(self, name, reason):
        self.failed += 1
        self.results.fail(name, reason)

    def end_one(self, outcome):
        name = "%s::%s" % (self.source, self.running)
        self.running = None
        self.seen += 1
        if outcome == "OK":
            self.results.passed += 1
        elif outcome == "SKIPPED":
            self.results.skip(name)
        else:
            self.fail(name, "failed")

    def end_running(self, reason):
        if self.running:
            self.seen += 1
            self.fail("%s::%s" % (self.source, self.running), reason)
            self.running = None

    def finish(self, status, problem):
        self.end_running(problem or "no result")
        if problem and not self.failed:
            self.fail(self.source, problem)
        elif self.announced == 0:
            self.fail(self.source, problem or "ran no test")
        elif self.seen < self.announced and not self.failed:
            self.fail(self.source, "announced %d tests, ran %d" % (self.announced, self.seen))
        elif status and not self.failed:
            self.fail(self.source, "every test passed, but exit status %d (a sanitizer?)" % status)


class CmockaRun:
    """One test program that runs beside others; what it says is shown when it has ended."""

    def __init__(self, program, source, results):
        self.program = program
        self.reader = CmockaReader(source, results)
        self.said = []
        self.started = time.monotonic()
        self.process = None
        self.problem = ""
        try:
            self.process = start_program([os.path.abspath(program)])
        except OSError as error:
            self.problem = "does not start: %s" % error.strerror
        else:
            self.feed = LineFeed(self.process.stdout, self.reader.on_line, self.said.append)

    def runs(self):
        """Reads what there is; False at its end."""
        if self.process is None:
            return False
        while self.feed.read(0):
            pass
        return self.process.poll() is None and self.in_time()

    def in_time(self):
        return time.monotonic() < self.started + PROGRAM_LIMIT_S

    def finish(self):
        status = None
        if self.process is not None:
            in_time = self.process.poll() is not None
            self.close()
            status, self.problem = how_it_ended(self.process, in_time, PROGRAM_LIMIT_S)
        self.show()
        self.reader.finish(status, self.problem)

    def interrupt(self):
        self.close()
        self.show()
        self.reader.end_running("interrupted")

    def close(self):
        if self.process is not None:
            if self.process.poll() is None:
                end_group(self.process)
            self.feed.drain()
            self.process.stdout.close()

    def show(self):
        show("== %s (%.1f s)\n%s" % (self.program, time.monotonic() - self.started,
                                     "".join(self.said)))


def run_cmocka_programs(programs, beside, results):
    """These (program, source), so many at a time."""
    waiting = list(programs)
    running = []
    try:
        while waiting or running:
            while waiting and len(running) < beside:
                running.append(CmockaRun(*waiting.pop(0), results))
            ended = [run for run in running if not run.runs()]
            running = [run for run in running if run not in ended]
            for run in ended:
                run.finish()
            if not ended:
                time.sleep(0.02)
    except Interrupted:
        for run in running:
            run.interrupt()
        raise


def run_cmocka_folder(tier, results):
    """Every built test program of a tier; a source without its program is a failure."""
    built = {path for path in glob.glob("build/tests/%s/test_*" % tier)
             if os.path.isfile(path) and not path.endswith((".o", ".d"))}
    for source in sorted(glob.glob("tests/%s/test_*.c" % tier)):
        program = "build/tests/%s/%s" % (tier, os.path.basename(source)[:-2])
        if program not in built:
            results.fail(source, "not built: no %s" % program)
    programs = [(program, "tests/%s/%s.c" % (tier, os.path.basename(program)))
                for program in sorted(built)]
    alone = [row for row in programs if os.path.basename(row[0]) in PROGRAMS_ALONE]
    run_cmocka_programs([row for row in programs if row not in alone], PROGRAMS_BESIDE, results)
    run_cmocka_programs(alone, 1, results)


def read_junit(path, results):
    """Adds up pytest's report; returns the number of its test cases."""
    count = 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        count += 1
        name = case_name(case)
        bad = [child for child in case if child.tag in ("failure", "error")]
        skipped = case.find("skipped")
        if bad:
            results.fail(name, first_line(bad[0].get("message")))
        elif skipped is not None:
            results.skip(name, first_line(skipped.get("message")))
        else:
            results.passed += 1
    return count


def case_name(case):
    """The node id of pytest: tests/netns/test_x.py::Class::test_y[parameter]."""
    path = case.get("file") or case.get("classname", "").replace(".", "/") + ".py"
    if not path.startswith("tests/"):
        path = "tests/netns/" + path
    stem = os.path.basename(path)[:-len(".py")]
    classes = case.get("classname", "").split(".")
    inner = classes[classes.index(stem) + 1:] if stem in classes else []
    return "::".join([path] + inner + [case.get("name", "?")])


def first_line(text):
    return (text or "").strip().split("\n")[0][:200]


def run_pytest(title, options, is_long, results, may_be_empty=False):
    """One run of pytest over tests/netns, which takes the tests that options name."""
    print("== pytest tests/netns: %s" % title, flush=True)
    report = JUNIT_FILE % title
    os.makedirs(os.path.dirname(report), exist_ok=True)
    if os.path.exists(report):
        os.unlink(report)
    command = ["/usr/bin/python3", "-m", "pytest", "tests/netns", "-v", "--tb=short",
               "-p", "no:cacheprovider", "-o", "junit_family=xunit1",
               "--junitxml=" + report] + options
    interrupted = False
    try:
        status, problem = run_program(command, PYTEST_LIMIT_S[is_long], lambda line: None)
    except Interrupted:
        interrupted, status, problem = True, 2, "interrupted"
    count = 0
    if os.path.exists(report):
        try:
            count = read_junit(report, results)
        except ElementTree.ParseError as error:
            problem = problem or "report not readable: %s" % error
    else:
        problem = problem or "no report"
    if problem:
        results.fail("tests/netns", problem)
    elif status == PYTEST_NOTHING and may_be_empty:
        pass
    elif count == 0:
        results.fail("tests/netns", "ran no test: %s" % title)
    elif status not in (0, 1):
        results.fail("tests/netns", "pytest ended with status %d" % status)
    if interrupted:
        raise Interrupted()


def run_netns(is_long, results):
    """Most tests bear company; those that judge by the clock have the machine for themselves."""
    tier = "(long or not long)" if is_long else "not long"
    run_pytest("together", ["-n", "2", "--dist", "loadfile", "-m", "not alone and " + tier],
               is_long, results)
    run_pytest("alone", ["-m", "alone and " + tier], is_long, results, may_be_empty=True)


def namespaces():
    try:
        names = os.listdir("/run/netns")
    except FileNotFoundError:
        return set()
    return {name for name in names if name.startswith("natgw-")}


def pins():
    return set(glob.glob("/sys/fs/bpf/natgw*"))


def processes():
    """Yields (pid, name, environment or None when it may not be read) of every other process."""
    for folder in glob.glob("/proc/[0-9]*"):
        pid = int(os.path.basename(folder))
        try:
            with open(folder + "/comm", encoding="utf-8", errors="replace") as file:
                name = file.read().strip()
        except OSError:
            continue
        try:
            with open(folder + "/environ", "rb") as file:
                environment = file.read().split(b"\0")
        except PermissionError:
            environment = None
        except OSError:
            continue
        if pid != os.getpid():
            yield pid, name, environment


class Traces:
    """What was there before the run, to say afterwards what the run has left behind."""

    def __init__(self):
        mark = "%d-%d" % (os.getpid(), time.time_ns())
        os.environ[MARK] = mark
        self.mark = ("%s=%s" % (MARK, mark)).encode()
        self.namespaces = namespaces()
        self.pins = pins()
        self.pids = {pid for pid, _name, _environment in processes()}

    def left_processes(self):
        """{pid: name} of what this run has started: the environment says so."""
        return {pid: name for pid, name, environment in processes()
                if pid not in self.pids
                and (self.mark in environment if environment is not None else name == "natgwd")}

    def check(self, results):
        deadline = time.monotonic() + LEFTOVER_WAIT_S
        while self.left_processes() and time.monotonic() < deadline:
            time.sleep(0.1)
        for pid, name in sorted(self.left_processes().items()):
            results.fail("process %d (%s)" % (pid, name), "left behind; killed")
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for name in sorted(namespaces() - self.namespaces):
            results.fail("namespace %s" % name, "left behind")
        for name in sorted(pins() - self.pins):
            results.fail("pin %s" % name, "left behind")


def run_all(is_long, results):
    run_cmocka_folder("unit", results)
    run_cmocka_folder("bpf", results)
    if is_long:
        run_cmocka_folder("long", results)
    run_netns(is_long, results)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--long", action="store_true", help="the long tier too")
    arguments = parser.parse_args()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    os.environ["CMOCKA_MESSAGE_OUTPUT"] = "stdout"
    if arguments.long:
        os.environ["NATGW_LONG"] = "1"
    results = Results()
    traces = Traces()
    interrupted = False
    if os.geteuid() != 0:
        print("not root: only the unit tests can run here")
    try:
        run_all(arguments.long, results)
    except Interrupted:
        interrupted = True
        results.fail("run", "interrupted")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    traces.check(results)
    results.print_summary()
    return 130 if interrupted else results.exit_status()


if __name__ == "__main__":
    sys.exit(main())
