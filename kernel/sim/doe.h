/* SPDX-License-Identifier: GPL-2.0-only */
/* transport=doe; see doe.c. */
#ifndef SIM_DOE_H
#define SIM_DOE_H

#include <linux/types.h>

#include "tdisp.h"

struct pci_dev;
struct pci_tsm_ops;
struct sim_fn;
struct tsm_sim_msg;
struct vfio_tsm_evidence;

/* doe.c */
void sim_doe_set_ops(struct pci_tsm_ops *ops);

/* firmware.c */
bool sim_uses_doe(void);
int sim_doe_init(void);
void sim_doe_exit(void);
int sim_firmware_connect(struct sim_fn *fn);
int sim_firmware_disconnect(struct sim_fn *fn);
int sim_firmware_bind(struct pci_dev *pdev, u8 nonce[TDISP_NONCE_SIZE]);
int sim_firmware_unbind(struct pci_dev *pdev);
int sim_firmware_request(struct pci_dev *pdev, const u8 *request, size_t len, u8 *answer,
			 size_t *answer_len, u32 *state);
int sim_firmware_evidence(struct sim_fn *dsm, const struct sim_fn *fn,
			  struct vfio_tsm_evidence *evidence);

/* link.c */
u64 sim_link_pass(struct tsm_sim_msg *msg, u64 command);
struct tsm_sim_msg *sim_link_next(unsigned long end);
int sim_link_init(void);
void sim_link_exit(void);

#endif /* SIM_DOE_H */
