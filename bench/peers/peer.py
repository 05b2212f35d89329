"""What all peers share: each offers some ways to do one piece of work, and runs the one it is asked for.

The first line on standard output says which Python this is and, of each way, which module it lacks (or null). For each
line on standard input, the name of a way, one line follows: the seconds it took, and its answer.
"""

import importlib
import json
import platform
import sys
import time


def plainly(run):
    """A function without an argument, whose result is the answer, in three parts."""
    return lambda _: run(), lambda: None, lambda answer: answer


def serve(ways):
    """`ways`: name -> (modules it needs, function that prepares it).

    What prepares it returns the function to time, or that one with two more: what makes its argument afresh for each
    run, and what reads the answer off its result. Neither of these is timed.
    """
    lacking = {}
    for name, (modules, _) in ways.items():
        lacking[name] = None
        for module in modules:
            try:
                importlib.import_module(module)
            except ImportError:
                lacking[name] = module
    # What has no result is told by its error, and ends only itself.
    print(json.dumps({"python": platform.python_version(), "lacking": lacking}), flush=True)
    prepared = {}
    for line in sys.stdin:
        name = line.strip()
        try:
            if name not in prepared:
                made = ways[name][1]()
                prepared[name] = made if isinstance(made, tuple) else plainly(made)
            run, fresh, answer = prepared[name]
            argument = fresh()
            start = time.perf_counter()
            result = run(argument)
            seconds = time.perf_counter() - start
            print(json.dumps({"seconds": seconds, "answer": answer(result)}), flush=True)
        except Exception as error:
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
