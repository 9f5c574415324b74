#!/usr/bin/env bash
# From the first log to a version in force and back, by commands alone.
#
# Usage: docs/walkthrough.sh DATA [FOLDER]
#
# DATA holds adult/adults.parquet, the census extract known as "Adult". FOLDER, a new one, takes the workspace and
# all else that is written; without it a temporary one is used. `plumbline` and `python` have to be on the path.
set -euo pipefail

data=${1:?give the folder that holds adult/adults.parquet}
here=$(cd "$(dirname "$0")" && pwd)
out=${2:-$(mktemp -d)}
mkdir -p "$out"
export PLUMBLINE_WORKSPACE=$out/workspace
unset PLUMBLINE_TOKEN

step() { printf '\n== %s\n' "$*"; }
as() { # as PERSON COMMAND...: give a command as somebody who has signed in
    local token=$1
    shift
    PLUMBLINE_TOKEN=${!token} plumbline "$@"
}
refused() { # the command must say no (exit 1)
    local code=0
    "$@" || code=$?
    [ "$code" -eq 1 ] || { echo "expected exit 1, got $code: $*" >&2; exit 1; }
}
receipts=()
keep() { # show what a command prints, and keep its receipt, as one would outside of this machine
    local said
    said=$("$@")
    printf '%s\n' "$said"
    receipts+=(--receipt "$(sed -n 's/^receipt //p' <<< "$said")")
}
step "What a serving system logged"
python "$here/walkthrough.py" "$data/adult/adults.parquet" "$out"
plumbline model add income --schema "$here/walkthrough.toml"
plumbline ingest income "$out/reference.csv" --as reference
plumbline version add income v1 --artefact "$out/v1.skops" --parameters "$out/v1.json"

step "Who may do what"
password=$(python -c 'import secrets; print(secrets.token_urlsafe(12))')
plumbline account add root <<< "$password"
root=$(plumbline login root <<< "$password")
as root account add ada --role engineer <<< "$password"
as root account add ines --role reviewer <<< "$password"
ada=$(plumbline login ada <<< "$password")
ines=$(plumbline login ines <<< "$password")

step "A worker does what is approved"
plumbline worker &
worker=$!
trap 'kill $worker 2> /dev/null || true; wait $worker || true' EXIT

step "The first version is signed for"
keep as ada propose promote income v1 --reason "Validated on the reference"
refused as ada gate income v1
refused as ada approve 1 --reason "I am sure"
keep as ines approve 1 --reason "Read the validation"
plumbline job show --wait proposal-1-1

step "A quiet week"
as ada ingest income "$out/quiet.csv"
as ada analyse income --fail-on critical

step "A campaign: the check fails"
as ada ingest income "$out/campaign.csv"
refused as ada analyse income --fail-on critical

step "A retraining is asked for, approved by somebody else, and run"
keep as ada propose retrain income --reason "The campaign brought other people"
keep as ines approve 2 --reason "The drift is real, and the labels are in"
plumbline job show --wait proposal-2-1
candidate=$(plumbline proposal show 3 --json | python -c 'import json, sys; print(json.load(sys.stdin)["version"])')

step "The candidate against the champion, on the same records"
as ines proposal show 3
keep as ines approve 3 --reason "It finds more of those who earn much, and no slice is worse"
plumbline job show --wait proposal-3-1
as ines gate income "$candidate"

step "And back again"
keep as ada propose rollback income v1 --reason "A customer complained; we look into it"
keep as ines approve 4 --reason "Until we know"
plumbline job show --wait proposal-4-1
as ines version in-force income
refused as ines gate income "$candidate"

step "What can be proved afterwards"
as ines ledger verify "${receipts[@]}"
as ines ledger export --out "$out/ledger.zip"
python -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract("verify.py", sys.argv[2])' "$out/ledger.zip" "$out"
python -I -S "$out/verify.py" "$out/ledger.zip" "${receipts[-1]}"
step "Done: all of it is in $out"
