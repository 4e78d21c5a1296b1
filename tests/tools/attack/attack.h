/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-attack: does everything that user space and root can do to a device, at once and
 * at random, from several threads, while a TSM has it bound. A violation that the
 * simulated TSM then detects is a hole in the guard. See also `vfio-attack --help`.
 *
 *	main.c		options, threads, the watchdog, the summary
 *	table.c		the table of attacks, and the choice of one
 *	record.c	the operations of each thread, counted and recorded
 *	until.c		results that must be seen before the end
 *	random.c	random numbers that depend on a seed
 *	oracle.c	the thread that asks the simulated TSM
 *	books.c		the state of the driver, compared with that of the TSM
 *	functions.c	the victim, and functions that share something with it
 *	device.c	opens and closes while other threads use the file
 *	memory.c	buffers that change while the kernel reads them, mapped BARs
 *	spans.c		the bind in which a request of the guest has acted
 *	config.c bars.c resets.c ioctls.c messages.c late.c requests.c vdevices.c lifecycle.c
 *	mates.c foreign.c host.c
 *			the attacks, by topic
 */
#ifndef VFIO_ATTACK_H
#define VFIO_ATTACK_H

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../tdisp.h"
#include "../client/client.h"

#define MAX_THREADS 64
#define MAX_ATTACKS 80
#define MAX_ERRNO 134
#define RING 24
#define MAX_FUNCTIONS 16

/**
 * struct record - one operation of a thread
 * @operation: its number in the thread
 * @attack: index into the table
 * @bound: whether the device was bound when it began, as far as is known
 * @finished: whether @answer is there
 * @answer: 0 or a negative errno
 * @text: its parameters, for the output
 */
struct record {
	uint64_t operation;
	unsigned int attack;
	bool bound;
	bool finished;
	int answer;
	char text[104];
};

/**
 * struct thread - a thread that attacks
 * @number: from 0; with the seed it determines all operations of the thread
 * @random: state of the generator, set anew for each operation
 * @buffer: two pages for the kernel, of which the second is mapped and unmapped all the time
 * @alias: the same memory, always mapped
 * @flip: what the flipper does to the first page; see memory.c
 * @operation: how many operations have begun
 * @finished: how many have ended
 * @began: when the last one began, in seconds
 * @done: it has left its loop
 * @tid: its thread in the kernel
 * @pthread: its thread in the library
 * @ring: the last operations, by number modulo RING
 * @answers: how often each attack, unbound and bound, had each result
 */
struct thread {
	unsigned int number;
	uint64_t random[4];
	uint8_t *buffer;
	uint8_t *alias;
	struct {
		atomic_bool active, busy;
		size_t offset, length;
		uint8_t content[2][64];
	} flip;
	_Atomic uint64_t operation, finished;
	_Atomic long began;
	atomic_bool done;
	int tid;
	pthread_t pthread;
	struct record ring[RING];
	_Atomic unsigned int answers[MAX_ATTACKS][2][MAX_ERRNO];
};

/**
 * struct attack - one kind of operation
 * @name: for --only, --without and the summary
 * @group: for --only and --without
 * @weight: how often it is chosen, relative to others; 0 unless its group is named
 * @run: does it once; returns 0 or a negative errno
 */
struct attack {
	const char *name;
	const char *group;
	unsigned int weight;
	int (*run)(struct thread *t);
};

/**
 * struct device - a device that the threads share
 * @addr: PCI address
 * @kvm: whether it is opened for a VM
 * @fd: number of its file. While the device is closed, the number belongs to a file that
 *	refuses everything. So a late thread never uses another file.
 * @id: of the device in its iommufd, when it was last opened
 * @lock: only one thread opens or closes it at a time
 * @opened: whether @fd is the device
 */
struct device {
	const char *addr;
	bool kvm;
	int fd;
	atomic_uint id;
	pthread_mutex_t lock;
	atomic_bool opened;
};

/* Operations that explain something that would be a failure without them */
struct excuse {
	atomic_uint begun, ended;
};

/* What a function shares with the victim */
enum share {
	SHARES_SLOT = 1,
	SHARES_BUS = 2,
	SHARES_PF = 4,
	SHARES_DSM = 8,
	SHARES_GROUP = 16,
};

/**
 * struct function - the victim, or a function that shares something with it
 * @addr: PCI address
 * @shares: of enum share
 * @is_above: the PF, the DSM or function 0 of the victim, or the victim itself if it is
 *	its own DSM; a bind turns all resets of these off
 * @reset_at_bind: root had a reset at work at the last bind that succeeded
 * @disconnects_at_bind: how many disconnects had ended when that bind began
 * @steals_at_bind: how many unbinds by another module had ended then
 * @violations: at the last look, under the oracle's lock; so are all members below
 * @was_bound: whether it was bound
 * @forces_then: how many forces had begun
 * @binds_then: how many binds had begun
 * @looks: number of calls of read_books()
 * @differs_since: when the books of driver and TSM began to differ, in seconds, or 0
 * @difference: how they differed
 */
struct function {
	char addr[16];
	unsigned int shares;
	bool is_above;
	atomic_bool reset_at_bind;
	atomic_uint disconnects_at_bind, steals_at_bind;
	unsigned long violations;
	bool was_bound;
	unsigned int forces_then, binds_then, looks;
	long differs_since;
	char difference[80];
};

extern uint64_t seed;
extern struct device victim, sibling;
extern unsigned int nr_threads;
extern struct thread *threads[MAX_THREADS];
extern atomic_bool looks_bound; /* of the victim, for the counters */
extern atomic_int letting_go; /* number of drivers that wait for a close */
extern bool always_bound; /* --bound: from the first operation to the last */
extern struct excuse disconnects, forces, resets, binds, unbinds, rebinds;
extern struct excuse steals; /* unbinds by another module of the kernel */
extern atomic_uint ioas[2]; /* of the iommufd in which devices are opened */
extern const int iommufd_slot; /* number of its file */
extern int event; /* an eventfd, for any attack that needs one */

/* random.c */
void random_begin(struct thread *t, uint64_t operation);
uint64_t rnd(struct thread *t);
uint64_t below(struct thread *t, uint64_t limit);
bool one_in(struct thread *t, unsigned int n);
uint64_t mix(uint64_t x);

/* table.c */
extern const struct attack attacks[];
extern unsigned int weights[MAX_ATTACKS];
unsigned int nr_attacks(void);
void table_list(void);
bool table_select(const char *only, const char *without);
unsigned int table_choose(struct thread *t);
bool is_alone(const struct attack *a);
bool is_allowed(const struct attack *a, int answer);

/* record.c */
__attribute__((format(printf, 2, 3))) void note(struct thread *t, const char *format, ...);
void record_begin(struct thread *t, uint64_t operation, unsigned int attack);
void record_end(struct thread *t, int answer);
void record_print(void);
void record_summary(void);
const char *answer_name(int answer);
__attribute__((format(printf, 1, 2), noreturn)) void fail(const char *format, ...);

/* until.c */
bool until_parse(char *list);
const char *until_missing(void);
int until_choose(struct thread *t);

/* oracle.c */
void oracle_start(void);
void oracle_stop(void);
void oracle_look(void);
void oracle_look_after(void);
void excuse_begin(struct excuse *excuse);
void excuse_end(struct excuse *excuse);
void oracle_summary(void);
void function_bound(struct function *f, bool reset, unsigned int disconnects_before,
		    unsigned int steals_before);

/* books.c */
int read_sim(const struct function *f, const char *name, char *text, size_t size);
int function_read(const struct function *f, const char *name, char *text, size_t size);
bool function_is_bound(const struct function *f);
bool function_has_driver(const struct function *f);
void look_at_books(struct function *f);
bool books_agree(void);
const unsigned int *books_seen(const char *what, const char **by);
void books_summary(void);

/* functions.c */
extern struct function functions[MAX_FUNCTIONS]; /* the victim is the first */
extern unsigned int nr_functions;
extern char connector[16]; /* the function to which the victim's TSM is connected: its DSM */
void functions_find(void);
void functions_print(void);
struct function *choose_mate(struct thread *t);
struct device *device_of(const struct function *f);

/* device.c */
void devices_init(void);
int call(int fd, unsigned long request, void *arg);
int device_open(struct device *d);
void device_close(struct device *d, unsigned int order);
int device_settle(bool unmap);
int device_bind(uint32_t vdevice);
int iommufd_new(void);
int device_unbind(void);

/* memory.c */
#define BAR_OFFSET(bar) ((uint64_t)(bar) << 40) /* of a BAR in the file */
#define MAX_WINDOW ((size_t)64 << 10) /* bytes of a BAR that are mapped */
extern size_t bar_size[MAX_BARS]; /* 0 if there is no BAR to map */
void memory_init(void);
void memory_stop(void);
void thread_memory_init(struct thread *t);
void flip_begin(struct thread *t, size_t offset, const uint8_t *a, const uint8_t *b, size_t length);
void flip_end(struct thread *t);
int window_map(unsigned int bar, size_t first_page, size_t pages);
void window_unmap(unsigned int bar, size_t first_page, size_t pages);
void windows_unmap(void);
int window_touch(unsigned int bar, size_t offset, bool write);
void *window_at(unsigned int bar, size_t offset);

/* config.c */
#define CONFIG_OFFSET ((uint64_t)7 << 40) /* of configuration space in the file */
extern unsigned int pmcsr; /* its offset, or 0 */
void config_init(void);
int config_write(struct thread *t);
int config_race(struct thread *t);
int config_command(struct thread *t);
int config_read(struct thread *t);
int forced_config(struct thread *t);

/* bars.c */
int bar_read(struct thread *t);
int bar_write(struct thread *t);
int bar_map(struct thread *t);
int bar_unmap(struct thread *t);
int bar_touch(struct thread *t);
int rom_read(struct thread *t);
int region_info(struct thread *t);
int bar_from_bar(struct thread *t);
int bar_locked(struct thread *t);

/* resets.c */
int ioctl_reset(struct thread *t);
int hot_reset(struct thread *t);
int hot_reset_info(struct thread *t);
int sysfs_reset(struct thread *t);
int bridge_reset(struct thread *t);
int sibling_reset(struct thread *t);
int sibling_hot_reset(struct thread *t);
int sibling_sysfs_reset(struct thread *t);
int forced_reset(struct thread *t);

/* ioctls.c */
int low_power(struct thread *t);
int dma_buf(struct thread *t);
int any_feature(struct thread *t);
int set_irqs(struct thread *t);
int device_infos(struct thread *t);
int ioeventfd(struct thread *t);
int any_ioctl(struct thread *t);
int iommu_attach(struct thread *t);
int iommu_detach(struct thread *t);

/* messages.c */
#define RESPONSE 256 /* enough bytes for each response */

/* A request of the guest. The longest one is START_INTERFACE_REQUEST. */
struct message {
	uint8_t bytes[TDISP_HEADER + TDISP_NONCE];
	uint32_t length;
};

void message_make(struct message *m, uint8_t type);
int message_answer(const uint8_t *request, size_t known, const uint8_t *response, size_t length);
const uint8_t *nonce_of(const uint8_t *response);
int read_nonce(uint8_t *nonce);
int request_get(struct thread *t);
int request_start(struct thread *t);

/* spans.c */
/* Generations of the victim to which a request can belong; none if @from is after @to */
struct span {
	uint64_t from, to;
};

uint64_t span_begin(unsigned int *rebinds_before);
struct span span_between(uint64_t from, unsigned int rebinds_before);
void claim(const char *what, const uint8_t *nonce, struct span span);
bool choose_nonce(struct thread *t, uint8_t *nonce);
unsigned int stop_begin(uint64_t from);
void stop_known(unsigned int which, struct span span);
void stop_end(unsigned int which);
bool was_stopped(uint64_t generation);

/* late.c */
int request_late(struct thread *t);
int request_stop(struct thread *t);

/* requests.c */
int request_random(struct thread *t);
int request_memory(struct thread *t);
int request_race(struct thread *t);
int request_bad(struct thread *t);
int request_files(struct thread *t);
int request_policy(struct thread *t);
int request_delay(struct thread *t);
void requests_end(void);
int tsm_info(struct thread *t);
int tsm_event(struct thread *t);
int event_revoke(struct thread *t);

/* vdevices.c */
int vdevice_make(struct thread *t);
int iommufd_destroy(struct thread *t);
int tsm_bind_vdevice(struct thread *t);
int iommufd_exchange(struct thread *t);

/* lifecycle.c */
int tsm_bind(struct thread *t);
int tsm_bind_bad(struct thread *t);
int tsm_unbind(struct thread *t);
int victim_open(struct thread *t);
int victim_reopen(struct thread *t);
int second_open(struct thread *t);
int sibling_open(struct thread *t);
int sibling_close(struct thread *t);

/* mates.c */
int mate_reset(struct thread *t);
int mate_bus_reset(struct thread *t);
int mate_power(struct thread *t);
int sibling_config(struct thread *t);

/* foreign.c */
bool foreign_is_there(void);
void foreign_end(void);
int foreign_bind(struct thread *t);
int foreign_unbind(struct thread *t);

/* host.c */
void host_init(void);
int read_text(const char *path, char *text, size_t size);
int write_text(const char *path, const char *text);
int host_connect(void);
int tsm_disconnect(struct thread *t);
int tsm_connect(struct thread *t);
int tsm_revoke(struct thread *t);
int policy(struct thread *t);
int policy_dir(struct thread *t);
int quarantine(struct thread *t);
int read_state(struct thread *t);
int sysfs_power(struct thread *t);
int sysfs_enable(struct thread *t);
int sysfs_resource(struct thread *t);
int sysfs_rom(struct thread *t);
int sysfs_rescan(struct thread *t);
int driver_rebind(struct thread *t);
int system_suspend(struct thread *t);
bool freeze_forbid(void);
void freeze_allow(void);

#endif /* VFIO_ATTACK_H */
