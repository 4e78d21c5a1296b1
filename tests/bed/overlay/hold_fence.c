// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold_fence: adds a fence to a dma-buf that is signalled on request, as by a driver that
 * is slow to release the memory. Only tests use it.
 *
 *	dma_buf=FD	a file descriptor of the process that writes this
 *	signal=Y	signals the fence
 */
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static DEFINE_SPINLOCK(fence_lock);
static struct dma_fence *fence;

static const char *fence_name(struct dma_fence *unused)
{
	return "hold_fence";
}

static const struct dma_fence_ops fence_ops = {
	.get_driver_name = fence_name,
	.get_timeline_name = fence_name,
};

static void signal(void)
{
	if (!fence)
		return;
	dma_fence_signal(fence);
	dma_fence_put(fence);
	fence = NULL;
}

static int add_fence(struct dma_buf *buf)
{
	int ret;

	ret = dma_resv_lock_interruptible(buf->resv, NULL);
	if (ret)
		return ret;
	ret = dma_resv_reserve_fences(buf->resv, 1);
	if (!ret)
		dma_resv_add_fence(buf->resv, fence, DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_unlock(buf->resv);
	return ret;
}

static int dma_buf_set(const char *text, const struct kernel_param *kp)
{
	struct dma_buf *buf;
	int fd, ret;

	ret = kstrtoint(text, 0, &fd);
	if (ret)
		return ret;
	buf = dma_buf_get(fd);
	if (IS_ERR(buf))
		return PTR_ERR(buf);

	signal();
	fence = kzalloc_obj(*fence);
	ret = -ENOMEM;
	if (fence) {
		dma_fence_init(fence, &fence_ops, &fence_lock, dma_fence_context_alloc(1), 1);
		ret = add_fence(buf);
		if (ret)
			signal();
	}
	dma_buf_put(buf);
	return ret;
}

static int signal_set(const char *text, const struct kernel_param *kp)
{
	signal();
	return 0;
}

static const struct kernel_param_ops dma_buf_ops = { .set = dma_buf_set };
static const struct kernel_param_ops signal_ops = { .set = signal_set };

module_param_cb(dma_buf, &dma_buf_ops, NULL, 0200);
MODULE_PARM_DESC(dma_buf, "File descriptor of the dma-buf");
module_param_cb(signal, &signal_ops, NULL, 0200);
MODULE_PARM_DESC(signal, "Signal the fence");

static int __init fence_init(void)
{
	return 0;
}
module_init(fence_init);

static void __exit fence_exit(void)
{
	signal();
}
module_exit(fence_exit);

MODULE_IMPORT_NS("DMA_BUF");
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Holds fences of dma-bufs, for tests");
