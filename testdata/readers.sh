#!/bin/sh
# Sets up .venv with the readers that captures are tested against, and marks it
# ready. A machine that cannot have them is told so, and how to get them: the
# tests that need them are then skipped, or fail with SYSTAPE_READERS=1.
cd "$(dirname "$0")/.." || exit 1
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

missing() {
	echo "not tested: captures read by pyarrow, Polars, DuckDB, DataFusion and pandas, the notebooks, datasets on Spark: $1"
	[ "${SYSTAPE_READERS:-}" != 1 ] || { echo 'error: SYSTAPE_READERS=1 demands them' >&2; exit 1; }
	exit 0
}

rm -f .venv/ready
command -v python3 >/dev/null 2>&1 || missing 'no python3: apt-get install python3 python3-venv'
python3 -m venv .venv >"$log" 2>&1 || missing 'python3 -m venv fails: apt-get install python3-venv'
.venv/bin/python -m pip install --quiet --disable-pip-version-check --retries 2 -r testdata/requirements.txt >"$log" 2>&1 || {
	sed 's/^/    /' "$log" | tail -n 1
	missing 'pip cannot install testdata/requirements.txt: with a network, make readers'
}
touch .venv/ready
