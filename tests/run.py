#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""run.py [FILE...] [-k PATTERN] [--jobs N] [--direct] [--shuffle SEED | --reverse] [--times]

Runs the integration tests, all or those of the files named, one process a file. Prints a line a test as it ends, the output of what failed, and last the counts. Each test has a
time limit; a file that hangs altogether is ended with all its children. A test must pass in any order: --shuffle and
--reverse change that of the classes of each file and of the tests of each class.
"""
import argparse
import concurrent.futures
import fnmatch
import glob
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SUPPORT = os.path.join(HERE, "support")
TEST_SECONDS = int(os.environ.get("TEAL_TEST_SECONDS", "120"))
FILE_SECONDS = 1200
CPU_WORD = "cpu-seconds"  # begins the last line of a file's process
LONG_FILES = ["test_crash.py", "test_cutover.py", "test_monitor.py", "test_late.py", "test_keys.py"]


# ---------------------------------------------------------------- within the process of one file

class Overdue(Exception):
    """A test took too long."""


def ring(*_):
    raise Overdue("the test took longer than %d s" % TEST_SECONDS)


class Reporter(unittest.TestResult):
    """One line for each test on standard output: ok, FAIL or skip, name, seconds."""

    def __init__(self):
        super().__init__()
        self.began = 0.0
        self.subtest_failed = False

    def startTest(self, test):
        super().startTest(test)
        self.began, self.subtest_failed = time.monotonic(), False
        signal.alarm(TEST_SECONDS)

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)

    def line(self, word, test):
        name = test.id() if hasattr(test, "id") else str(test)
        print("%s %s %.2f" % (word, name, time.monotonic() - self.began), flush=True)

    def blame(self, test, error):
        self.line("FAIL", test)
        for text in traceback.format_exception(*error):
            for line in text.rstrip().split("\n"):
                print("    " + line, flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        if not self.subtest_failed:
            self.line("ok", test)

    def addError(self, test, error):
        super().addError(test, error)
        self.blame(test, error)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.blame(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.subtest_failed = True
            self.blame(subtest, error)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line("skip", test)
        print("    " + reason, flush=True)


def chosen(suite, pattern):
    """The tests whose name matches; a class's fixtures run only when one of its tests does."""
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from chosen(item, pattern)
        elif pattern is None or fnmatch.fnmatchcase(item.id(), pattern):
            yield item


def ordered(tests, args):
    """The order asked for; the tests of a class stay together, for its fixture is made once."""
    classes = {}
    for test in tests:
        classes.setdefault(type(test), []).append(test)
    groups = list(classes.values())
    if args.shuffle is not None:
        dice = random.Random(args.shuffle)
        for group in [groups, *groups]:
            dice.shuffle(group)
    if args.reverse:
        groups = [group[::-1] for group in reversed(groups)]
    return unittest.TestSuite(test for group in groups for test in group)


def run_file(path, args):
    sys.path[:0] = [SUPPORT, os.path.dirname(path)]
    signal.signal(signal.SIGALRM, ring)
    # SIGTERM still stops clusters and proxies.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    name = os.path.splitext(os.path.basename(path))[0]
    try:
        suite = ordered(chosen(unittest.defaultTestLoader.loadTestsFromName(name), args.k), args)
    except Exception:
        print("FAIL %s 0" % name)
        traceback.print_exc(file=sys.stdout)
        return 1
    result = Reporter()
    suite.run(result)
    if result.testsRun:
        # The servers too: the harness has waited for the end of each.
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        print("%s %.1f" % (CPU_WORD, sum(u.ru_utime + u.ru_stime for u in used)), flush=True)
    return 0 if result.wasSuccessful() else 1


# ---------------------------------------------------------------- the process that starts them

class Run:
    def __init__(self, args):
        self.args = args
        self.counts = {"ok": 0, "FAIL": 0, "skip": 0}
        self.lock = threading.Lock()
        self.children = set()
        self.times = []  # (seconds, seconds of CPU, file)

    def argv(self, path):
        argv = [sys.executable, os.path.abspath(__file__), "--file", path]
        if self.args.k:
            argv += ["-k", self.args.k]
        if self.args.shuffle is not None:
            argv += ["--shuffle", str(self.args.shuffle)]
        if self.args.reverse:
            argv += ["--reverse"]
        return argv

    def file(self, path):
        began, argv = time.monotonic(), self.argv(path)
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 text=True, errors="replace", start_new_session=True)
        self.children.add(child)
        timer = threading.Timer(FILE_SECONDS, self.end, (child,))
        timer.start()
        failing = False
        for line in child.stdout:
            word = line.split(" ", 1)[0]
            if word == CPU_WORD:
                self.times.append((time.monotonic() - began, float(line.split()[1]), os.path.basename(path)))
                continue
            with self.lock:
                if word in self.counts:
                    self.counts[word] += 1
                    failing = word != "ok"
                if not self.args.quiet or failing or word not in self.counts:
                    print(line, end="", flush=True)
        status = child.wait()
        timer.cancel()
        self.children.discard(child)
        if status not in (0, 1):
            with self.lock:
                self.counts["FAIL"] += 1
                print("FAIL %s ended with status %d" % (os.path.basename(path), status), flush=True)

    def print_times(self):
        """What takes long without CPU waits for something."""
        for seconds, cpu, name in sorted(self.times, reverse=True):
            print("%7.1f s %7.1f s of CPU  %s" % (seconds, cpu, name))
        print("%7.1f s %7.1f s of CPU  in all" % (sum(t[0] for t in self.times), sum(t[1] for t in self.times)))

    @staticmethod
    def end(child):
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)

    def all(self, paths):
        with concurrent.futures.ThreadPoolExecutor(self.args.jobs) as pool:
            jobs = [pool.submit(self.file, path) for path in paths]
            try:
                for job in jobs:
                    job.result()
            except KeyboardInterrupt:
                for job in jobs:
                    job.cancel()
                for child in list(self.children):
                    self.end(child)
                raise


def matching(path, pattern):
    """Whether a file can hold a test of this name; cheap, so that -k does not start every cluster."""
    if pattern is None:
        return True
    with open(path) as f:
        text = f.read()
    module = os.path.splitext(os.path.basename(path))[0]
    names = [re.split(r"[(:]", line.split()[1])[0] for line in text.splitlines() if line.startswith(("    def ", "class "))]
    classes, tests = [n for n in names if n[0].isupper()], [n for n in names if n.startswith("test")]
    # Tests are inherited and sometimes generated, so every class may have every test, and more.
    return any(fnmatch.fnmatchcase("%s.%s.%s" % (module, c, t), pattern) for c in classes for t in tests + ["test"]) or "test_" in pattern


def rank(path):
    """The long files first, so that the last one to end is not a long one alone; --times shows which they are."""
    name = os.path.basename(path)
    return LONG_FILES.index(name) if name in LONG_FILES else len(LONG_FILES), -os.path.getsize(path)


def main():
    parser = argparse.ArgumentParser(description="the integration tests")
    parser.add_argument("files", nargs="*", metavar="FILE", help="only these, of tests/integration")
    parser.add_argument("-k", help="only tests whose name holds this (or matches this glob)")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)) + 1,
                        help="files at once; most of their time they wait, so one more than there are processors")
    parser.add_argument("--direct", action="store_true", help="against PostgreSQL itself, where that makes sense")
    order = parser.add_mutually_exclusive_group()
    order.add_argument("--shuffle", type=int, metavar="SEED", help="classes and their tests in an order of this number")
    order.add_argument("--reverse", action="store_true", help="classes and their tests from the last to the first")
    parser.add_argument("--times", action="store_true", help="the time and the CPU of each file, at the end")
    parser.add_argument("--quiet", action="store_true", help="lines of failures only")
    parser.add_argument("--counts", help="also write 'passed failed skipped' to this file")
    parser.add_argument("--file", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.k and not any(c in args.k for c in "*?["):
        args.k = "*%s*" % args.k
    if args.file:
        sys.exit(run_file(args.file, args))
    if args.direct:
        os.environ["TEAL_DIRECT"] = "1"
    run = Run(args)
    paths = args.files or sorted(glob.glob(os.path.join(HERE, "integration", "test_*.py")), key=rank)
    try:
        with tempfile.TemporaryDirectory(prefix="teal-templates-") as folder:
            os.chmod(folder, 0o755)  # PostgreSQL runs as another user than root
            os.environ["TEAL_TEMPLATES"] = folder
            run.all([path for path in paths if matching(path, args.k)])
    except KeyboardInterrupt:
        sys.exit(130)
    if args.times:
        run.print_times()
    passed, failed, skipped = run.counts["ok"], run.counts["FAIL"], run.counts["skip"]
    if args.counts:
        with open(args.counts, "w") as f:
            f.write("%d %d %d\n" % (passed, failed, skipped))
    print("integration: %d passed, %d failed, %d skipped" % (passed, failed, skipped))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
