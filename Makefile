# SPDX-License-Identifier: GPL-2.0-or-later
# tsmctl: programs, kernel modules, tests. "make help" lists the targets.

KDIR ?= /lib/modules/$(shell uname -r)/build
KERNEL ?=
V ?=

build := $(CURDIR)/build
Q := $(if $(V),,@)
kbuild = +$(Q)$(MAKE) -C $(KDIR) $(if $(V),V=1,-s) M=$(CURDIR) MO=$(MO)
MAKEFLAGS += --no-print-directory
# Long builds use all processors, unless -j sets a number.
parallel = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
# The programs of apt and kmod are here. The PATH of an ordinary user may lack it.
export PATH := $(PATH):/usr/sbin:/sbin

include version.mk
dist := $(build)/dist/tsmctl-$(TSMCTL_VERSION).tar.xz

# One output directory for each kernel's build
MO ?= $(build)/modules/$(shell cat $(KDIR)/include/config/kernel.release 2>/dev/null)

.PHONY: all modules modules_install vm-modules install uninstall demo lab bench deb dist series check \
	check-static check-long check-cli check-bed check-vm clean help kdir

all: ## the programs, into build/bin, and the library, into build/lib (this is the default)
	$(Q)$(MAKE) -C cli
	$(Q)$(MAKE) -C lib

modules: kdir ## the kernel modules, into build/modules; KDIR=DIR is the kernel's build directory
	@echo "building the modules in $(MO)"
	$(kbuild) modules

modules_install: modules ## install them; INSTALL_MOD_PATH=DIR for another root
	$(kbuild) modules_install

kdir:
	@test -f $(KDIR)/include/config/kernel.release || { \
		echo "$(KDIR) is not a kernel's build directory; install that kernel's headers, or give KDIR=DIR" >&2; \
		exit 1; }

vm-modules: ## the kernel modules for the virtual machine; KERNEL=normal, patched, debug, oldest, installed or a path
	+$(Q)MAKE='$(MAKE)' tests/bed/stage-modules $(KERNEL)

install: all ## install everything except built modules, with their source for DKMS; DESTDIR=DIR, prefix=/usr/local
	$(Q)$(MAKE) -C cli install
	$(Q)$(MAKE) -C lib install

uninstall: ## remove what install has installed, with the same DESTDIR and directories
	$(Q)$(MAKE) -C lib uninstall
	$(Q)$(MAKE) -C cli uninstall

demo: ## an operator's session in a virtual machine; KERNEL= as for vm-modules
	$(Q)tests/install-deps build vm
	$(Q)$(MAKE) $(parallel) all
	+$(Q)MAKE='$(MAKE)' tests/vm/start-demo $(KERNEL)

lab: ## a shell and a menu in a virtual machine, with a device that speaks SPDM and TDISP; KERNEL=
	$(Q)tests/install-deps build vm spdm
	$(Q)$(MAKE) $(parallel) all
	$(Q)$(MAKE) -C cli firmware
	$(Q)$(MAKE) -C tests/tools/dsm
	+$(Q)MAKE='$(MAKE)' tests/vm/start-demo --lab $(KERNEL)

bench: ## measure tsmctl on fake trees, beside lspci, driverctl and the least possible cost
	$(Q)tests/install-deps build bench
	$(Q)$(MAKE) all
	$(Q)tests/bench/run

deb: ## the Debian packages, in a clean root file system; RELEASE=bookworm or trixie
	$(Q)tests/bed/build-deb $(if $(RELEASE),--release $(RELEASE))

# The same commit always gives the same tarball. CONTRIBUTING.md describes a release.
dist: ## the last commit as a tarball, signed if gpg has a secret key; KEY=ID selects one
	$(Q)mkdir -p $(build)/dist
	$(Q)git -c tar.umask=0022 archive --prefix=tsmctl-$(TSMCTL_VERSION)/ -o $(dist:.xz=) HEAD
	$(Q)xz -f -9 -T1 $(dist:.xz=)
	$(Q)rm -f $(dist).asc
	$(Q)if [ -n "$$(gpg --batch --list-secret-keys $(KEY) 2>/dev/null)" ]; then \
		gpg --batch --armor $(if $(KEY),--local-user $(KEY)) --detach-sign $(dist) && \
			echo "$(dist) and its signature"; \
	else \
		echo "$(dist), not signed: gpg has no secret key"; \
	fi

series: ## the patches in kernel/patches as a series for git send-email, in build/series
	$(Q)tests/bed/make-series

check: ## every functional test; installs what it needs
	$(Q)tests/install-deps
	+$(Q)MAKE='$(MAKE)' exec tests/check

check-long: ## long tests, and every functional test on the debug and oldest kernels; TURN=N for a quarter of it
	$(Q)tests/install-deps build kernel vm spdm check long
	+$(Q)MAKE='$(MAKE)' exec tests/check --long $(if $(TURN),--turn $(TURN)) $(if $(BUDGET),--budget $(BUDGET))

check-static: ## formatting, checkpatch, sparse, shellcheck, warnings
	$(Q)tests/install-deps
	+$(Q)MAKE='$(MAKE)' exec tests/check static

check-cli: ## the programs over fake trees, plain and with sanitizers
	$(Q)tests/install-deps
	+$(Q)MAKE='$(MAKE)' exec tests/check cli asan

check-bed: ## tests of the test bed: tests/vm/run and the other tools
	$(Q)tests/install-deps
	+$(Q)MAKE='$(MAKE)' exec tests/check bed

check-vm: ## everything in the virtual machine
	$(Q)tests/install-deps
	+$(Q)MAKE='$(MAKE)' exec tests/check vm

clean: ## remove build/ (the kernels' cache stays)
	$(Q)rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z_-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
