/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest: 32-bit code without paging or interrupts, at CODE. It reads the interface
 * report of its TDI, starts the TDI, uses its NVMe controller, and stops the TDI. Every
 * message to the TSM goes through the VMM.
 *
 * This is linked into the VMM and copied, so no instruction may use the address of a
 * symbol, but only distances.
 */
#include "../tdisp.h"
#include "layout.h"

/* Bytes of the report in one message */
#define PORTION 64

/* NVMe: registers, and 8 entries in both queues */
#define NVME_CAP_HIGH (MMIO + 0x04)
#define NVME_VS (MMIO + 0x08)
#define NVME_CC (MMIO + 0x14)
#define NVME_CSTS (MMIO + 0x1c)
#define NVME_AQA (MMIO + 0x24)
#define NVME_ASQ (MMIO + 0x28)
#define NVME_ACQ (MMIO + 0x30)
#define NVME_SQ_DOORBELL (MMIO + 0x1000)
#define NVME_CQ_DOORBELL (MMIO + 0x1004)
#define LAST_ENTRY 7
/* How often the guest looks for a completion that must not come */
#define LOOKS 10000
#define IDENTIFY 6
#define SERIAL (DATA + 4)
#define SERIAL_LEN 20

/* Prints a constant text, and changes no register except the flags. */
.macro say text
	push %esi
	call .Lsay\@
	.asciz "\text"
.Lsay\@:
	pop %esi
	call print
	pop %esi
.endm

	.section .rodata
	.globl guest_begin, guest_end
	.code32
guest_begin:
	mov $STACK, %esp

	xor %ecx, %ecx
	mov $GET_TDISP_VERSION, %al
	call ask
	say "TDISP version "
	movzbl RESPONSE + TDISP_HEADER + 1, %eax
	call print_number
	say "\n"
	call print_state

	/* The report, in portions */
	xor %ebx, %ebx
.Lportion:
	mov %bx, REQUEST + TDISP_HEADER
	movw $PORTION, REQUEST + TDISP_HEADER + 2
	mov $4, %ecx
	mov $GET_DEVICE_INTERFACE_REPORT, %al
	call ask
	movzwl RESPONSE + TDISP_HEADER, %ecx
	mov $RESPONSE + TDISP_HEADER + 4, %esi
	lea REPORT(%ebx), %edi
	add %ecx, %ebx
	rep movsb
	cmpw $0, RESPONSE + TDISP_HEADER + 2
	jne .Lportion
	say "interface report: bytes "
	mov %ebx, %eax
	call print_number
	say ", ranges "
	mov REPORT + 12, %eax
	call print_number
	say ", first page "
	mov REPORT + 16, %eax
	call print_number
	say "\n"

	/* a wrong nonce first, then the one at the end of the report */
	mov $REQUEST + TDISP_HEADER, %edi
	mov $TDISP_NONCE, %ecx
	mov $0x55, %al
	rep stosb
	mov $TDISP_NONCE, %ecx
	mov $START_INTERFACE_REQUEST, %al
	call send
	say "starts with a wrong nonce: message "
	movzbl RESPONSE + 1, %eax
	call print_number
	say ", code "
	mov RESPONSE + TDISP_HEADER, %eax
	call print_number
	say "\n"
	call print_state

	lea REPORT - TDISP_NONCE(%ebx), %esi
	mov $REQUEST + TDISP_HEADER, %edi
	mov $TDISP_NONCE, %ecx
	rep movsb
	mov $TDISP_NONCE, %ecx
	mov $START_INTERFACE_REQUEST, %al
	call ask
	say "starts the TDI\n"
	call print_state

	say "NVMe version "
	mov NVME_VS, %eax
	call print_number
	say "\n"
	testl $0xf, NVME_CAP_HIGH
	jnz fail
	call enable
	say "admin queue is ready\n"

	movb $0, SERIAL
	call identify
	say "Identify by DMA, serial number "
	mov $SERIAL, %esi
	mov $SERIAL_LEN, %ecx
.Lserial:
	lodsb
	out %al, $PORT_CONSOLE
	loop .Lserial
	say "\n"

	/* I/O as long as the host makes its attempts */
	mov $PORT_HOST, %dx
	out %eax, %dx
.Lmore:
	call identify
	mov $PORT_HOST, %dx
	in %dx, %eax
	test %eax, %eax
	jnz .Lmore
	say "all Identify commands succeeded\n"

	xor %ecx, %ecx
	mov $STOP_INTERFACE_REQUEST, %al
	call ask
	say "stops the TDI\n"
	call print_state
	say "reads the NVMe version again: "
	mov NVME_VS, %eax
	call print_number
	say "\n"

	/* Another Identify must not write into the guest's memory. */
	movb $0, SERIAL
	call submit
	mov $LOOKS, %ebx
1:	call look
	je fail
	dec %ebx
	jnz 1b
	cmpb $0, SERIAL
	jne fail
	say "sends Identify again: no completion and no data\n"

	xor %eax, %eax
	jmp end
fail:
	say "gives up\n"
	mov $1, %eax
end:
	mov $PORT_END, %dx
	out %eax, %dx
.Lhalt:
	hlt
	jmp .Lhalt

/* Sends the TDISP message %al with %ecx bytes after the header. */
send:
	movb $TDISP_VERSION, REQUEST
	mov %al, REQUEST + 1
	movw $0, REQUEST + 2
	mov FUNCTION_ID, %edx
	mov %edx, REQUEST + 4
	movl $0, REQUEST + 8
	movl $0, REQUEST + 12
	add $TDISP_HEADER, %ecx
	mov %ecx, REQUEST_LEN
	mov $PORT_TSM, %dx
	out %eax, %dx
	cmpl $TDISP_HEADER, RESPONSE_LEN
	jl fail
	ret

/* The same as send, and gives up if the response does not match the message. */
ask:
	call send
	mov REQUEST + 1, %al
	and $0x7f, %al
	cmp %al, RESPONSE + 1
	jne .Lrefused
	ret
.Lrefused:
	say "TDISP error "
	mov RESPONSE + TDISP_HEADER, %eax
	call print_number
	say "\n"
	jmp fail

print_state:
	xor %ecx, %ecx
	mov $GET_DEVICE_INTERFACE_STATE, %al
	call ask
	say "TDI state "
	movzbl RESPONSE + TDISP_HEADER, %eax
	call print_number
	say "\n"
	ret

/* Resets the controller, and sets up an admin queue. */
enable:
	movl $0, NVME_CC
1:	testl $1, NVME_CSTS
	jnz 1b
	movl $(LAST_ENTRY << 16 | LAST_ENTRY), NVME_AQA
	movl $SQ, NVME_ASQ
	movl $0, NVME_ASQ + 4
	movl $CQ, NVME_ACQ
	movl $0, NVME_ACQ + 4
	movl $0, SQ_TAIL
	movl $0, CQ_HEAD
	movl $1, CQ_PHASE
	/* entries of 64 and 16 bytes */
	movl $(4 << 20 | 6 << 16 | 1), NVME_CC
1:	testl $1, NVME_CSTS
	jz 1b
	ret

/* Asks the controller to write its identity to DATA. */
submit:
	mov SQ_TAIL, %eax
	shl $6, %eax
	lea SQ(%eax), %edi
	mov %edi, %ebx
	xor %eax, %eax
	mov $16, %ecx
	rep stosl
	movl $IDENTIFY, (%ebx)
	movl $DATA, 24(%ebx)
	movl $1, 40(%ebx)
	mov SQ_TAIL, %eax
	inc %eax
	and $LAST_ENTRY, %eax
	mov %eax, SQ_TAIL
	mov %eax, NVME_SQ_DOORBELL
	ret

/* Equal, with the status in %edx, if the command has ended. */
look:
	mov CQ_HEAD, %eax
	shl $4, %eax
	movzwl CQ + 14(%eax), %edx
	mov %edx, %ecx
	and $1, %ecx
	cmp CQ_PHASE, %ecx
	ret

/* Has the controller write its identity to DATA, and waits until it has. */
identify:
	call submit
1:	call look
	jne 1b
	shr $1, %edx
	jnz fail

	mov CQ_HEAD, %eax
	inc %eax
	and $LAST_ENTRY, %eax
	mov %eax, CQ_HEAD
	jnz 2f
	xorl $1, CQ_PHASE
2:	mov CQ_HEAD, %eax
	mov %eax, NVME_CQ_DOORBELL
	incl COMMANDS
	ret

/* Prints the text at %esi. */
print:
	push %eax
1:	lodsb
	test %al, %al
	jz 2f
	out %al, $PORT_CONSOLE
	jmp 1b
2:	pop %eax
	ret

/* Prints %eax, as 0x and hexadecimal digits. */
print_number:
	push %ecx
	push %edx
	mov %eax, %edx
	say "0x"
	mov $8, %ecx
1:	rol $4, %edx
	cmp $1, %ecx
	je 2f
	/* no leading zeros */
	test $0xf, %dl
	jnz 2f
	loop 1b
2:	mov %dl, %al
	and $0xf, %al
	add $'0', %al
	cmp $'9', %al
	jbe 3f
	add $('a' - '9' - 1), %al
3:	out %al, $PORT_CONSOLE
	rol $4, %edx
	loop 2b
	pop %edx
	pop %ecx
	ret
guest_end:

	.section .note.GNU-stack, "", @progbits
