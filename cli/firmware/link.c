// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "firmware/link.h"

int link_open(struct link *link, const char *path)
{
	static union link_message command, next, other;

	*link = (struct link){ .command = &command, .next = &next, .other = &other };
	link->fd = open(path, O_RDWR | O_CLOEXEC);
	return link->fd < 0 ? -errno : 0;
}

static int read_message(struct link *link, union link_message *to)
{
	ssize_t n;

	do {
		n = read(link->fd, to, sizeof(*to));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n < sizeof(to->msg) || to->msg.size != (size_t)n ? -EPROTO : 0;
}

/* ESTALE: the kernel has given up the command. */
static int write_message(struct link *link, uint32_t type, int result, uint32_t value,
			 const uint8_t *data, size_t len)
{
	struct tsm_sim_msg *msg = &link->other->msg;

	if (len > TSM_SIM_MAX_DATA)
		return -EMSGSIZE;
	*msg = (struct tsm_sim_msg){
		.size = (uint32_t)(sizeof(*msg) + len),
		.type = type,
		.command = link->command->msg.command,
		.device = link->command->msg.device,
		.function = link->command->msg.function,
		.result = result,
		.value = value,
	};
	if (len)
		memcpy(msg->data, data, len);
	return write(link->fd, msg, msg->size) < 0 ? -errno : 0;
}

int link_wait(struct link *link)
{
	if (!link->early)
		return read_message(link, link->command);
	memcpy(link->command, link->next, sizeof(*link->command));
	link->early = false;
	return 0;
}

/* Writes a message of the present command, and reads its answer into @link->other. */
static int round_trip(struct link *link, uint32_t type, uint32_t value, const uint8_t *data,
		      size_t len)
{
	const struct tsm_sim_msg *msg = &link->other->msg;
	int ret;

	if (link->early)
		return -ECANCELED;
	ret = write_message(link, type, 0, value, data, len);
	if (ret)
		return ret == -ESTALE ? -ECANCELED : ret;
	ret = read_message(link, link->other);
	if (ret)
		return ret;
	if (msg->type != TSM_SIM_ANSWER || msg->command != link->command->msg.command) {
		memcpy(link->next, link->other, sizeof(*link->next));
		link->early = true;
		return -ECANCELED;
	}
	return msg->result < 0 ? msg->result : (int)(msg->size - sizeof(*msg));
}

int link_exchange(struct link *link, uint32_t type, const uint8_t *data, size_t len)
{
	return round_trip(link, TSM_SIM_EXCHANGE, type, data, len);
}

int link_part(struct link *link, uint32_t part, const uint8_t *data, size_t len)
{
	int ret = 0;

	while (len && ret >= 0) {
		size_t piece = len < TSM_SIM_MAX_DATA ? len : TSM_SIM_MAX_DATA;

		ret = round_trip(link, TSM_SIM_PART, part, data, piece);
		data += piece;
		len -= piece;
	}
	return ret < 0 ? ret : 0;
}

int link_done(struct link *link, int result, uint32_t state, const uint8_t *data, size_t len)
{
	int ret;

	if (link->early)
		return 0;
	ret = write_message(link, TSM_SIM_DONE, result, result ? 0 : state, data, result ? 0 : len);
	return ret == -ESTALE ? 0 : ret;
}
