// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk_fs: a file system without files on a block device, which it never reads. The
 * kernels of the test bed have no other file system on block devices. Only tests use it.
 */
#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/module.h>

static int fill(struct super_block *sb, struct fs_context *fc)
{
	static const struct tree_descr files[] = { { "" } };

	return simple_fill_super(sb, 0x7364, files);
}

static int get_tree(struct fs_context *fc)
{
	return get_tree_bdev(fc, fill);
}

static const struct fs_context_operations context_ops = { .get_tree = get_tree };

static int init_context(struct fs_context *fc)
{
	fc->ops = &context_ops;
	return 0;
}

static struct file_system_type type = {
	.owner = THIS_MODULE,
	.name = "disk_fs",
	.init_fs_context = init_context,
	.kill_sb = kill_block_super,
	.fs_flags = FS_REQUIRES_DEV,
};
MODULE_ALIAS_FS("disk_fs");

static int __init disk_fs_init(void)
{
	return register_filesystem(&type);
}
module_init(disk_fs_init);

static void __exit disk_fs_exit(void)
{
	unregister_filesystem(&type);
}
module_exit(disk_fs_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A file system on a block device, for tests");
