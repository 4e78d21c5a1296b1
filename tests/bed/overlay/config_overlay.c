// SPDX-License-Identifier: GPL-2.0-only
/*
 * config_overlay: adds capabilities to a function of the test bed that no device of QEMU
 * has, for tests of what a bound function refuses. The registers are memory of this
 * module. They overlay the function's configuration space through the operations of its
 * bus, as in aer_inject. Only tests use it.
 *
 *	device=ADDR	the function; it has the overlay from load to unload
 *	written		the number of bytes of the overlay that were written
 *	all_ones	Y: the whole function reads as all ones, as if it was gone
 *
 * The device must not be on a driver while this is loaded or unloaded.
 */
#include <linux/bitmap.h>
#include <linux/module.h>
#include <linux/pci.h>

static char *device;
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "Address of the function");

static atomic_t bytes_written;

static int written_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", atomic_read(&bytes_written));
}

static const struct kernel_param_ops written_ops = { .get = written_get };

module_param_cb(written, &written_ops, NULL, 0444);
MODULE_PARM_DESC(written, "Bytes of the overlay that were written");

static bool all_ones;
module_param(all_ones, bool, 0644);
MODULE_PARM_DESC(all_ones, "Have the function read as all ones");

static struct pci_dev *target;
static struct pci_ops *below;
static u8 memory[PCI_CFG_SPACE_EXP_SIZE];
static DECLARE_BITMAP(laid_over, PCI_CFG_SPACE_EXP_SIZE);

static int overlay_read(struct pci_bus *bus, unsigned int devfn, int pos, int size, u32 *value)
{
	int ret = below->read(bus, devfn, pos, size, value);

	if (READ_ONCE(all_ones) && bus == target->bus && devfn == target->devfn) {
		*value = ~0;
		return 0;
	}
	if (ret || bus != target->bus || devfn != target->devfn)
		return ret;
	for (int i = 0; i < size; i++) {
		if (!test_bit(pos + i, laid_over))
			continue;
		*value &= ~(0xffU << 8 * i);
		*value |= (u32)memory[pos + i] << 8 * i;
	}
	return 0;
}

static int overlay_write(struct pci_bus *bus, unsigned int devfn, int pos, int size, u32 value)
{
	int ret;

	if (bus != target->bus || devfn != target->devfn ||
	    find_next_bit(laid_over, pos + size, pos) >= pos + size)
		return below->write(bus, devfn, pos, size, value);

	for (int i = 0; i < size; i++) {
		u8 byte = value >> 8 * i;

		if (test_bit(pos + i, laid_over)) {
			memory[pos + i] = byte;
			atomic_inc(&bytes_written);
			continue;
		}
		ret = below->write(bus, devfn, pos + i, 1, byte);
		if (ret)
			return ret;
	}
	return 0;
}

static struct pci_ops overlay_ops = {
	.read = overlay_read,
	.write = overlay_write,
};

static void lay(int pos, const u8 *bytes, int count, int length)
{
	memcpy(memory + pos, bytes, count);
	bitmap_set(laid_over, pos, length);
}

static void lay_ecap(int pos, u16 id, u16 next, int length)
{
	u32 header = id | 1 << 16 | next << 20;

	lay(pos, (u8 *)&header, sizeof(header), length);
}

/* The new capabilities follow the last one of the function. */
static int lay_out(void)
{
	static const u8 af[] = { PCI_CAP_ID_AF, 0xe0, 6, PCI_AF_CAP_TP | PCI_AF_CAP_FLR, 0, 0 };
	static const u8 vendor[] = { PCI_CAP_ID_VNDR, 0, 16 };
	u8 pos = PCI_CAPABILITY_LIST, next;
	u32 vsec_header = 0x1 | 0x20 << 20;

	for (;;) {
		pci_read_config_byte(target, pos, &next);
		if (!next)
			break;
		pos = next + PCI_CAP_LIST_NEXT;
	}
	if (pos >= 0xd0 || pos < PCI_STD_HEADER_SIZEOF)
		return -ENOSPC;

	next = 0xd0;
	lay(pos, &next, 1, 1);
	lay(0xd0, af, sizeof(af), sizeof(af));
	lay(0xe0, vendor, sizeof(vendor), 16);

	lay_ecap(0x100, PCI_EXT_CAP_ID_VNDR, 0x120, 0x20);
	memcpy(memory + 0x104, &vsec_header, sizeof(vsec_header));
	lay_ecap(0x120, PCI_EXT_CAP_ID_DVSEC, 0x140, 0x20);
	memcpy(memory + 0x124, &vsec_header, sizeof(vsec_header));
	/* vfio-pci hides these, but passes writes to them to the hardware. */
	lay_ecap(0x140, PCI_EXT_CAP_ID_PASID, 0x160, 8);
	lay_ecap(0x160, PCI_EXT_CAP_ID_DOE, 0x180, 0x18);
	lay_ecap(0x180, PCI_EXT_CAP_ID_IDE, 0, 0x20);
	return 0;
}

static int __init overlay_init(void)
{
	struct pci_dev *pdev = NULL;
	int ret;

	for_each_pci_dev(pdev) {
		if (device && !strcmp(pci_name(pdev), device))
			break;
	}
	if (!pdev)
		return -ENODEV;

	target = pdev;
	ret = lay_out();
	if (ret) {
		pci_dev_put(target);
		return ret;
	}
	below = pci_bus_set_ops(target->bus, &overlay_ops);
	return 0;
}
module_init(overlay_init);

static void __exit overlay_exit(void)
{
	pci_bus_set_ops(target->bus, below);
	pci_dev_put(target);
}
module_exit(overlay_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Capabilities for the test bed's functions");
