"""`python -m bench.compare OLD NEW`: what got slower, of two documents that `make bench` printed."""

from __future__ import annotations

import json
import sys

NOISE = 0.10


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: python -m bench.compare OLD.json NEW.json", file=sys.stderr)
        return 2
    old, new = (_figures(path) for path in sys.argv[1:])
    slower = 0
    for name, figure in new.items():
        if name not in old:
            print(f"  new      {name}: {figure['value']} {figure['unit']}")
            continue
        before, after = float(old[name]["value"]), float(figure["value"])
        change = (after - before) / before if before else 0.0
        is_worse = (change > NOISE) if figure["gate"].startswith("≤") else (change < -NOISE)
        slower += is_worse
        word = "SLOWER" if is_worse else "same" if abs(change) <= NOISE else "faster"
        print(f"  {word:<8} {name}: {before:g} → {after:g} {figure['unit']}  ({change:+.0%}, gate {figure['gate']})")
    return 1 if slower else 0


def _figures(path: str) -> dict[str, dict[str, str]]:
    with open(path, encoding="utf-8") as file:
        return {figure["name"]: figure for figure in json.load(file)["figures"]}


if __name__ == "__main__":
    sys.exit(main())
