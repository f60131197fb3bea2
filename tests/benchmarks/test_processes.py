"""CPU time of a tree of processes: what ended is not lost."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.processes import Tree

BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"


def test_a_child_that_ended_still_counts() -> None:
    script = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])\nprint('done', flush=True)\nsys.stdin.read()\n"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"done\n"
        tree = Tree((parent.pid,))
        assert len(tree.processes()) == 1
        assert tree.cpu_ms() >= 250
        assert parent.stdin is not None
        parent.stdin.close()


def test_a_marked_process_belongs_to_the_tree_wherever_it_is() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "print(1, flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"BENCHMARK_TREE": "mine"},
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert [process.pid for process in Tree((), "mine").processes()] == [child.pid]
        assert Tree((), "other").processes() == []
        assert child.stdin is not None
        child.stdin.close()
