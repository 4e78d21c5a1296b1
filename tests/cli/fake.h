/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the fakes that are preloaded into the programs. */
#ifndef FAKE_H
#define FAKE_H

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>

/* The function that a fake replaces */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* The mode among the arguments of openat(), which has one only if it makes a file */
#define OPEN_MODE(flags)                                       \
	({                                                     \
		mode_t open_mode = 0;                          \
		va_list open_args;                             \
                                                               \
		va_start(open_args, flags);                    \
		if ((flags) & O_CREAT)                         \
			open_mode = va_arg(open_args, mode_t); \
		va_end(open_args);                             \
		open_mode;                                     \
	})

#endif
