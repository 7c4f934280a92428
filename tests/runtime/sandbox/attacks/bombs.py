"""What takes all that there is: each bomb is a few lines of Python, and says which limit is to end it."""

# ruff: noqa: E501  a bomb is easier to judge on one line
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bomb:
    """One thing that a run takes too much of."""

    name: str
    script: str
    limit: str = ""
    """The limit that ends it; nothing where it is the bomb itself that gives up, or one of several limits."""
    seconds: float = 8.0
    is_over_at_once: bool = False
    """Whether the command itself ends well: the bomb is what it leaves running."""


OUT = "import os; out = os.environ['WORKBENCH_OUT']; "
BURNS = "import os\nfor _ in range(3):\n  if os.fork() == 0: break\nwhile True: pass"

BOMBS = (
    Bomb("many small files", f"{OUT}[open(f'{{out}}/{{n}}', 'w').close() for n in range(100_000)]", "max_files"),
    Bomb(
        "files just small enough",
        f"{OUT}[open(f'{{out}}/{{n}}', 'wb').write(bytes(900_000)) for n in range(100_000)]",
        "max_written_mb",
    ),
    Bomb("folders without a bottom", f"{OUT}os.chdir(out)\nwhile True: os.mkdir('d'); os.chdir('d')", "max_depth"),
    Bomb("one large file", f"{OUT}open(out + '/large', 'wb').write(bytes(5_000_000))", "max_file_size_mb"),
    Bomb(
        "one large file, from a shell",
        f"{OUT}os.execvp('sh', ['sh', '-c', 'exec head -c 5000000 /dev/zero > $WORKBENCH_OUT/x'])",
        "max_file_size_mb",
    ),
    Bomb("files left open", "kept = [open('/dev/null') for _ in range(1000)]", "max_open_files"),
    Bomb("pipes left open", "import os\nkept = [os.pipe() for _ in range(1000)]", "max_open_files"),
    Bomb("memory", "kept = bytearray(10_000_000_000)\nkept = []\nwhile True: kept.append(b'x' * 1_000_000)"),
    Bomb("memory, bit by bit", "kept = []\nwhile True: kept.append(b'x' * 1_000_000)", "max_memory_mb"),
    Bomb(
        "memory of many",
        "import os, time\nfor _ in range(12):\n  if not os.fork(): kept = b'x' * 30_000_000; time.sleep(20)\ntime.sleep(20)",
        "max_memory_mb",
    ),
    Bomb(
        "memory in files of nobody",
        "import itertools, sys\nfor folder in ('/tmp', '/dev/shm', '/run', '/var/tmp'):\n  try:\n"
        "    for n in itertools.count(): open(f'{folder}/{n}', 'wb').write(bytes(900_000))\n"
        "  except OSError: pass\nsys.exit(3)",
    ),
    Bomb(
        "processes",
        "import os, time\nwhile True:\n  try:\n    if not os.fork(): time.sleep(20)\n  except OSError: time.sleep(0.01)",
        seconds=2,
    ),
    Bomb("processes that fork on", "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", seconds=2),
    Bomb(
        "processes that nobody collects",
        "import os, time\nwhile True:\n  try:\n    if not os.fork(): os._exit(0)\n  except OSError: time.sleep(0.01)",
        seconds=2,
    ),
    Bomb(
        "threads",
        "import threading, time\nwhile True:\n  try: threading.Thread(target=time.sleep, args=(20,), daemon=True).start()\n  except RuntimeError: time.sleep(0.01)",
        seconds=2,
    ),
    Bomb(
        "a chain of forks",
        "import os, time\nif os.fork() == 0:\n  while True:\n    if os.fork(): os._exit(0)\ntime.sleep(20)",
        seconds=2,
    ),
    Bomb("a chain of forks that is left", "import os\nwhile True:\n  if os.fork(): os._exit(0)", is_over_at_once=True),
    Bomb(
        "daemons of daemons",
        "import os, time\nfirst = os.getpid()\nfor _ in range(10):\n  if os.fork(): break\n  os.setsid()\nif os.getpid() == first: os._exit(0)\ntime.sleep(600)",
        is_over_at_once=True,
    ),
    Bomb("the processor", BURNS, "timeout", seconds=2),
    Bomb("output", "while True: print('x' * 100_000)", "max_output_mb"),
    Bomb("output beside it", "import sys\nwhile True: sys.stderr.write('x' * 100_000)"),
    Bomb("time", "import time; time.sleep(60)", "timeout", seconds=2),
    Bomb(
        "time, and deaf",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
        "timeout",
        seconds=2,
    ),
    Bomb("time, and stopped", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", "timeout", seconds=2),
)
BOUNDS = {
    "max_files": 2_000,
    "max_written_mb": 20,
    "max_file_size_mb": 1,
    "max_open_files": 64,
    "max_memory_mb": 100,
    "max_output_mb": 2,
    "max_processes": 20,
}
