# SPDX-License-Identifier: GPL-2.0-or-later
# tsmctl: programs, kernel modules, tests. "make help" lists the targets.

KDIR ?= /lib/modules/$(shell uname -r)/build
KERNEL ?=
V ?=

build := $(CURDIR)/build
Q := $(if $(V),,@)
kbuild = +$(Q)$(MAKE) -C $(KDIR) $(if $(V),V=1,-s) M=$(CURDIR) MO=$(MO)
MAKEFLAGS += --no-print-directory
# For what is long: all processors, unless -j says how many
parallel = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
# apt's and kmod's programs are here, also for those who are not root
export PATH := $(PATH):/usr/sbin:/sbin

# One output directory for each kernel's build
MO ?= $(build)/modules/$(shell cat $(KDIR)/include/config/kernel.release 2>/dev/null)

.PHONY: all modules modules_install vm-modules install uninstall demo bench check check-static \
	check-long check-cli check-bed check-vm clean help kdir

all: ## the programs, into build/bin, and the library, into build/lib (this is the default)
	$(Q)$(MAKE) -C cli
	$(Q)$(MAKE) -C lib

modules: kdir ## the kernel modules, into build/modules; KDIR=DIR is the kernel's build directory
	@echo "the modules, into $(MO)"
	$(kbuild) modules

modules_install: modules ## install them; INSTALL_MOD_PATH=DIR for another root
	$(kbuild) modules_install

kdir:
	@test -f $(KDIR)/include/config/kernel.release || { \
		echo "$(KDIR) is not a kernel's build directory; install that kernel's headers, or give KDIR=DIR" >&2; \
		exit 1; }

vm-modules: ## the kernel modules for the virtual machine; KERNEL=normal, patched, debug, installed or a path
	+$(Q)MAKE='$(MAKE)' tests/bed/stage-modules $(KERNEL)

install: all ## install all but the modules, with their source for DKMS; DESTDIR=DIR, prefix=/usr/local
	$(Q)$(MAKE) -C cli install
	$(Q)$(MAKE) -C lib install

uninstall: ## remove what install put there, with the same DESTDIR and directories
	$(Q)$(MAKE) -C lib uninstall
	$(Q)$(MAKE) -C cli uninstall

demo: ## an operator's session in a virtual machine, from nothing; KERNEL= as for vm-modules
	$(Q)tests/install-deps build vm
	$(Q)$(MAKE) $(parallel) all
	+$(Q)MAKE='$(MAKE)' tests/vm/start-demo $(KERNEL)

bench: ## measure the program on fake trees, beside lspci, driverctl and the floor
	$(Q)tests/install-deps build bench
	$(Q)$(MAKE) all
	$(Q)tests/bench/run

check: ## every functional test; installs what it needs
	$(Q)tests/install-deps
	+$(Q)MAKE='$(MAKE)' exec tests/check

check-long: ## what is long by nature, and all on the debug kernel; TURN=N for a quarter of it
	$(Q)tests/install-deps
	+$(Q)MAKE='$(MAKE)' exec tests/check --long $(if $(TURN),--turn $(TURN)) $(if $(BUDGET),--budget $(BUDGET))

check-static: ## formatting, checkpatch, sparse, shellcheck, warnings
	$(Q)tests/install-deps
	+$(Q)MAKE='$(MAKE)' exec tests/check static

check-cli: ## the programs over fake trees, plain and with sanitizers
	$(Q)tests/install-deps
	+$(Q)MAKE='$(MAKE)' exec tests/check cli asan

check-bed: ## what tests/vm/run promises
	$(Q)tests/install-deps
	+$(Q)MAKE='$(MAKE)' exec tests/check bed

check-vm: ## everything in the virtual machine
	$(Q)tests/install-deps
	+$(Q)MAKE='$(MAKE)' exec tests/check vm

clean: ## remove build/ (the kernels' cache stays)
	$(Q)rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z_-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
