/* SPDX-License-Identifier: GPL-2.0-only */
/* What the simulated TSM reports to vfio_tsm; see report.c. */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

struct sim_fn;

/* report.c */
int sim_report_init(void);
void sim_report_exit(void);
void sim_report_probe(struct sim_fn *fn);
void sim_report_remove(struct sim_fn *fn);
void sim_report_stop(struct sim_fn *fn, int error);
void sim_report_state(struct sim_fn *fn);
void sim_report_unknown_locked(struct sim_fn *fn);
void sim_report_unknown(struct sim_fn *fn);
void sim_report_no_firmware(void);

/* evidence.c */
void sim_evidence_offer(void);
void sim_evidence_withdraw(void);
void sim_evidence_forget(struct sim_fn *fn);
void sim_evidence_forget_all(const struct sim_fn *dsm);

#endif /* SIM_REPORT_H */
