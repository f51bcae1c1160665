#!/usr/bin/env python3
"""Writes signatures/oui.tsv from two mirrors of the IEEE registries: the npm package
`oui-data` (BSD-2-Clause) for MA-L, MA-M and MA-S, and the crate `oui-data` (MIT) for
IAB, which the IEEE closed in 2014 and the first leaves out.

    npm pack oui-data
    python3 signatures/oui/generate.py oui-data-VERSION.tgz DATE CRATE/data/iab.csv

One registrant a line: its name as registered, a tab, its blocks in hexadecimal
(6, 7 or 9 digits: 24, 28 or 36 bits), joined by spaces. Blocks that name nobody
("Private", "IEEE Registration Authority") are left out.
"""

import csv
import json
import pathlib
import sys
import tarfile

NOBODY = {"PRIVATE", "IEEE REGISTRATION AUTHORITY"}


def main(package: str, date: str, iab: str) -> None:
    with tarfile.open(package) as archive:
        registry = json.load(archive.extractfile("package/index.json"))
        version = json.load(archive.extractfile("package/package.json"))["version"]
    names = {block: entry.split("\n", 1)[0] for block, entry in registry.items()}
    with open(iab, encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            names.setdefault(row["Assignment"], row["Organization Name"])
    holders: dict[str, list[str]] = {}
    for block, name in names.items():
        name = " ".join(name.split())
        if name and name.upper() not in NOBODY:
            assert len(block) in (6, 7, 9), block
            holders.setdefault(name, []).append(block.lower())
    lines = [f"# IEEE MA-L, MA-M, MA-S: npm oui-data {version}, {date}; IAB: crate oui-data 0.2.4"]
    lines += [f"{name}\t{' '.join(sorted(holders[name]))}" for name in sorted(holders)]
    target = pathlib.Path(__file__).parent.parent / "oui.tsv"
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
