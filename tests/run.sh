#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the tests that are built and prints one closing line: N passed, N failed, N skipped.
# --long adds the long tier.
set -eu
cd "$(dirname "$0")/.."
exec /usr/bin/python3 tests/run.py "$@"
