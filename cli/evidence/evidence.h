/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The evidence of a device: the files of the directory vfio_tsm_evidence in sysfs, read. */
#ifndef EVIDENCE_EVIDENCE_H
#define EVIDENCE_EVIDENCE_H

#include "evidence/spdm.h"

/* Below the directory of a device in sysfs */
#define EVIDENCE_DIR "vfio_tsm_evidence"
#define EVIDENCE_NONCE EVIDENCE_DIR "/nonce"
/* Hexadecimal digits of a nonce, and the end of string */
#define NONCE_TEXT_LEN (2 * SPDM_NONCE_SIZE + 1)

/* The files, in the order in which they are read and understood. */
enum evidence_file { FILE_VCA, FILE_CHAIN, FILE_MEASUREMENTS, FILE_REPORT, EVIDENCE_FILES };

/**
 * struct evidence - the evidence of a device
 * @generation: its number
 * @files: the files as they came, for evidence_free(); empty if there is none
 * @vca: what @files has of FILE_VCA, after evidence_parse()
 * @chain: the same of FILE_CHAIN
 * @measurements: the same of FILE_MEASUREMENTS
 * @report: the same of FILE_REPORT; all 0 if that is empty
 */
struct evidence {
	uint64_t generation;
	struct spdm_bytes files[EVIDENCE_FILES];
	struct spdm_vca vca;
	struct spdm_chain chain;
	struct spdm_measurements measurements;
	struct spdm_report report;
};

#define cleanup_evidence __attribute__((cleanup(evidence_free)))

/**
 * evidence_file_name() - the name of a file
 * @file: the file
 *
 * Return: its name in sysfs, and in a directory to which evidence is written.
 */
const char *evidence_file_name(enum evidence_file file);

/**
 * evidence_file_is() - whether bytes are a file of evidence
 * @file: which file
 * @bytes: the bytes
 *
 * For a file that is to be replaced: the algorithms of its VCA need not be known.
 *
 * Return: true if they are such a file, or empty.
 */
bool evidence_file_is(enum evidence_file file, struct spdm_bytes bytes);

/**
 * evidence_read() - read the evidence of a device
 * @dir: descriptor of the device's directory in sysfs
 * @e: out, for evidence_free(), also on failure. All files are of one generation
 *
 * Return: 0; -ENODATA if there is none yet; -EFBIG if a file is longer than it may be; -EAGAIN if
 * it changes all the time; or negative errno.
 */
int evidence_read(int dir, struct evidence *e);

/**
 * evidence_parse() - read what is in the files
 * @e: from evidence_read()
 * @file: out, the file with the mistake
 * @f: out, the mistake, if there is one
 *
 * Return: 0, or -EBADMSG with @file and @f filled in.
 */
int evidence_parse(struct evidence *e, enum evidence_file *file, struct spdm_fault *f);

/**
 * evidence_free() - free the files
 * @e: the evidence
 */
void evidence_free(struct evidence *e);

/**
 * evidence_hex() - write bytes as hexadecimal digits
 * @bytes: the bytes
 * @text: out, two digits for each byte, and the end of string
 */
void evidence_hex(struct spdm_bytes bytes, char *text);

/**
 * nonce_parse() - read a nonce
 * @text: 64 hexadecimal digits, in either case
 * @nonce: out, SPDM_NONCE_SIZE bytes; untouched on failure
 *
 * Return: true if @text is a nonce.
 */
bool nonce_parse(const char *text, uint8_t *nonce);

#endif
