// SPDX-License-Identifier: GPL-2.0-or-later
/* Uses of a device that one attribute of a class device shows, see class_use.h. */
#include "common/util.h"
#include "host/attr.h"
#include "host/class_use.h"

static const struct class_use uses[] = {
	{ "tty", "console", "Y", false, "is a console of the kernel",
	  "boot without console=@, or write N to /sys/class/tty/@/console" },
	/* it resets the host if nothing writes to it any more */
	{ "watchdog", "state", "active", false, "is a watchdog that runs",
	  "stop the program that serves /dev/@, as with RuntimeWatchdogSec=off in systemd" },
	/* a running vGPU, or another part of the device that a VM has */
	{ "mdev", "uevent", NULL, false, "is a mediated device of it",
	  "end its VM, and run 'echo 1 > /sys/bus/mdev/devices/@/remove'" },
	{ "drm", "enabled", "enabled", true, "shows the display of the host",
	  "stop the graphical session, or have the firmware use another display" },
	{ "graphics", "uevent", NULL, true, "is the frame buffer of the console of the host",
	  "have the firmware use another display" },
};

const struct class_use *class_use_find(int function, int fd, const char *class)
{
	char text[ATTR_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
		const struct class_use *use = &uses[i];

		if (!streq(use->class, class))
			continue;
		if (use->boot_display &&
		    (attr_read(function, "boot_vga", text, sizeof(text)) || !streq(text, "1")))
			continue;
		if (!attr_read(fd, use->attribute, text, sizeof(text)) &&
		    (!use->value || streq(text, use->value)))
			return use;
	}
	return NULL;
}
