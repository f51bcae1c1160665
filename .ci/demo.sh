#!/usr/bin/env bash
# Reads the hospital capture and shows what came out: the summary, the imaging
# devices, and the dossier of the MRI.
set -euo pipefail
cd "$(dirname "$0")/.."
auscult=${CARGO_TARGET_DIR:-target}/release/auscult
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
db=$dir/auscult.db
echo "== auscult read pcaps/lab/hospital.pcapng"
"$auscult" read --db "$db" pcaps/lab/hospital.pcapng
echo
echo "== The imaging devices of the register (auscult register --category medical)"
"$auscult" register --db "$db" --category medical >"$dir/medical.csv"
python3 - "$dir/medical.csv" 2>/dev/null <<'PY' || cut -c1-200 "$dir/medical.csv"
import csv, sys, unicodedata
rows = [r for r in csv.DictReader(open(sys.argv[1], encoding="utf-8")) if r["modality"]]
wide = lambda s: sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in s)
names = ["modality", "manufacturer", "model", "serial_number", "software_version", "ae_titles", "os_name", "os_version", "department"]
size = {n: max([len(n)] + [wide(r[n]) for r in rows]) for n in names}
show = lambda cells: print("  ".join(c + " " * (size[n] - wide(c)) for n, c in zip(names, cells)).rstrip())
show(names)
for r in rows:
    show([r[n] for n in names])
PY
echo
echo "== Who says so (auscult show MRC41587)"
"$auscult" show --db "$db" MRC41587
echo "The whole register: auscult read --db auscult.db pcaps/lab/hospital.pcapng && auscult register -o register.csv"
