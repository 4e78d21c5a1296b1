# SPDX-License-Identifier: GPL-2.0-or-later
# Fuzzing of the configuration and the selectors with libFuzzer, ASan and UBSan.
#
#   make -f tests/fuzz/config.mk [SECONDS=120]	fuzz each harness for so long
#   make -f tests/fuzz/config.mk replay		run the corpus once

here := $(dir $(lastword $(MAKEFILE_LIST)))
cli := $(here)../../cli
out ?= $(here)../../build/fuzz
SECONDS ?= 120

harnesses := config config-selector
parts := config place selector bdf util

fuzz: $(harnesses:%=fuzz-%)
replay: $(harnesses:%=replay-%)

fuzz-%: $(out)/%
	mkdir -p $(out)/$*.found
	$< -max_total_time=$(SECONDS) -timeout=5 -max_len=4096 -print_final_stats=1 -verbosity=0 \
		$(if $(wildcard $(here)$*.dict),-dict=$(here)$*.dict) \
		-artifact_prefix=$(out)/$*. $(out)/$*.found $(here)$*.corpus

replay-%: $(out)/%
	$< -verbosity=0 $(wildcard $(here)$*.corpus/*)

$(harnesses:%=$(out)/%): $(out)/%: $(here)%.c $(parts:%=$(cli)/%.c) $(wildcard $(cli)/*.h)
	mkdir -p $(@D)
	clang -std=gnu11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -I$(cli) \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $(filter %.c,$^) \
		-ljson-c

.PHONY: fuzz replay
.SECONDARY:
