# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
# For every file of tests here: the libraries of bats, and the top directory of the project.

bats_require_minimum_version 1.5.0
: "${BATS_LIB_PATH:=/usr/lib/bats}"
load "${BATS_LIB_PATH%%:*}/bats-support/load.bash"
load "${BATS_LIB_PATH%%:*}/bats-assert/load.bash"

top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)
