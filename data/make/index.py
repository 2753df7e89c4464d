"""Write ../index.json, the catalog that `mininnip.load_data` reads, and the table of files in ../README.md.

Words stand in sets.toml, numbers are read from the files; `closest_between_splits` (Å) is the smallest distance
between two frames of different splits, as check.py defines it. What is absent is left out. Run it after every change
of a file and commit all together:

    python index.py            rewrite both and print a table
    python index.py --check    only compare; exit status 1 if a file and its checksum differ
"""

import argparse
import hashlib
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from ase.io import read
from check import closest
from labeling import frames_from_npz
from registry import SETS

DATA = Path(__file__).resolve().parent.parent
LARGEST_TOTAL = 30e6  # bytes
FRAME_UNITS = {"positions": "Å", "cell": "Å", "energy": "eV", "forces": "eV/Å", "stress": "eV/Å³"}
FRAME_UNITS |= {"temperature": "K", "angle": "degree", "bond": "Å"}  # where a set has them


def file_entry(path):
    """Size, checksum and, for frames, how many there are of each split and group."""
    entry = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
    if path.suffix == ".extxyz":
        frames = read(path, ":")
        labels = {key: [frame.info.get(key, "") for frame in frames] for key in ("split", "group")}
        return entry | {"kind": "frames", "frames": len(frames), **counts(labels)}
    with np.load(path) as data:
        if "energy" not in data:
            dimers = any(key.endswith("_distance") for key in data)
            return entry | {"kind": "energy curves" if dimers else "arrays"}
        labels = {key: data[key].tolist() for key in ("split", "group") if key in data}
        splits, frames = data["split"], frames_from_npz(path)
    entry |= {"kind": "frames", "frames": len(frames), **counts(labels)}
    if len(set(splits)) > 1:  # rounded down, so that no pair is closer than it says
        entry["closest_between_splits"] = np.floor(1e4 * closest(frames, splits)[0]).item() / 1e4
    return entry


def counts(labels):
    return {f"{key}s": dict(sorted(Counter(values).items())) for key, values in labels.items() if any(values)}


def metadata_of(path):
    """What the label script wrote into the file: engine, status and settings."""
    if path.suffix == ".extxyz":
        return json.loads(path.with_suffix(".json").read_text())
    with np.load(path) as data:
        return json.loads(str(data["metadata"]))


def catalog():
    """The whole index as a dictionary; sets without files are left out."""
    index = {}
    for name, words in SETS.items():
        paths = [DATA / file for file in words["files"] if (DATA / file).exists()]
        if not paths:
            continue
        metadata, files = metadata_of(paths[0]), {path.name: file_entry(path) for path in paths}
        frames = any(file["kind"] == "frames" for file in files.values())
        entry = {"description": words["description"], "files": files}
        labels = {key for path in paths for key in np.load(path)}
        units = {key: unit for key, unit in FRAME_UNITS.items() if frames and key in labels}
        entry |= {"units": units | words.get("units", {})}
        entry |= {key: words[key] for key in ("made_by", "level_of_theory", "sampling", "caveats")}
        states = {path.stem: metadata_of(path)["status"] for path in paths}
        one = len(set(states.values())) == 1
        status = metadata["status"] if one else ", ".join(f"{file}: {state}" for file, state in states.items())
        entry |= {"engine": metadata["engine"], "status": status, "license": "CC-BY-4.0"}
        index[name] = entry
    return index


def table(index):
    """The files as Markdown: set, file, size, frames, checksum, status."""
    rows = ["| set | file | kB | frames | status | sha256 |", "|---|---|---|---|---|---|"]
    for name, entry in index.items():
        for file, facts in entry["files"].items():
            size, frames = f"{facts['bytes'] / 1e3:.0f}", facts.get("frames", facts["kind"])
            rows.append(f"| `{name}` | `{file}` | {size} | {frames} | {entry['status']} | `{facts['sha256']}` |")
    return "\n".join(rows)


def with_table(text, rows):
    """The README with the table between its two marks replaced."""
    begin, end = "<!-- files: written by make/index.py -->\n", "\n<!-- end of files -->"
    before, rest = text.split(begin)
    return before + begin + rows + end + rest.split(end)[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the files, write nothing")
    args = parser.parse_args()
    index, readme = catalog(), DATA / "README.md"
    old = readme.read_text(encoding="utf-8")
    texts = {
        DATA / "index.json": json.dumps(index, indent=1, ensure_ascii=False) + "\n",
        readme: with_table(old, table(index)),
    }
    if args.check:
        stale = [
            path.name for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text
        ]
        sys.exit(f"{', '.join(stale)} does not match the files: run index.py" if stale else 0)
    total = sum(file["bytes"] for entry in index.values() for file in entry["files"].values())
    if total > LARGEST_TOTAL:
        sys.exit(f"data/ would hold {total / 1e6:.1f} MB, more than {LARGEST_TOTAL / 1e6:.0f}: nothing written")
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    for name, entry in index.items():
        for file, facts in entry["files"].items():
            frames = facts.get("frames", "-")
            print(f"{name:18s} {file:24s} {facts['bytes'] / 1e3:7.0f} kB  {frames:>5} frames  {entry['status']}")
    print(f"{total / 1e6:.2f} MB in all")


if __name__ == "__main__":
    main()
