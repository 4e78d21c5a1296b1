# SPDX-License-Identifier: GPL-2.0-only
# The version of programs, modules, library, pages and DKMS. NEWS.md says what is in it.
TSMCTL_VERSION := 0.1
