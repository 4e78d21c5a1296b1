# SPDX-License-Identifier: GPL-2.0-only
# The kernels that the modules are for, oldest first, and the options that they need. DKMS,
# doctor, load and the test bed take both from here. tests/static/kernels.bats builds the
# modules for each kernel, and compares README.md and the pages with this file. tests/vm runs on
# the newest, and as "oldest" on the first of the others that Debian has.
TSMCTL_KERNELS := 7.0 7.2 7.3
# In the order in which missing options are named. The modules build without KVM.
TSMCTL_OPTIONS := PCI_TSM IOMMUFD VFIO_PCI VFIO_DEVICE_CDEV CONFIGFS_FS KVM
