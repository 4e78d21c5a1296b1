/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, below events/vfio_tsm in tracefs:
 *
 *	vfio_tsm_state		a device has gone from one state to another
 *	vfio_tsm_bind_failed	a bind was refused: the error, and the check that failed
 *	vfio_tsm_blocked	an operation was refused because the device is bound
 *	vfio_tsm_request	a request of the guest has ended
 *	vfio_tsm_tdi_state	the driver of a TSM has reported another state of a TDI
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vfio_tsm

#if !defined(VFIO_TSM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VFIO_TSM_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(vfio_tsm_state,
	    TP_PROTO(const char *device, const char *from, const char *to, const char *reason,
		     u64 generation),
	    TP_ARGS(device, from, to, reason, generation),
	    TP_STRUCT__entry(__string(device, device) __string(from, from) __string(to, to)
				     __string(reason, reason) __field(u64, generation)),
	    TP_fast_assign(__assign_str(device); __assign_str(from); __assign_str(to);
			   __assign_str(reason); __entry->generation = generation;),
	    TP_printk("device=%s from=%s to=%s reason=%s generation=%llu", __get_str(device),
		      __get_str(from), __get_str(to), __get_str(reason), __entry->generation));

TRACE_EVENT(vfio_tsm_bind_failed, TP_PROTO(const char *device, int error, const char *stage),
	    TP_ARGS(device, error, stage),
	    TP_STRUCT__entry(__string(device, device) __field(int, error) __string(stage, stage)),
	    TP_fast_assign(__assign_str(device); __entry->error = error; __assign_str(stage);),
	    TP_printk("device=%s error=%d stage=%s", __get_str(device), __entry->error,
		      __get_str(stage)));

TRACE_EVENT(vfio_tsm_blocked, TP_PROTO(const char *device, const char *operation),
	    TP_ARGS(device, operation),
	    TP_STRUCT__entry(__string(device, device) __string(operation, operation)),
	    TP_fast_assign(__assign_str(device); __assign_str(operation);),
	    TP_printk("device=%s operation=%s", __get_str(device), __get_str(operation)));

TRACE_EVENT(vfio_tsm_request,
	    TP_PROTO(const char *device, const char *scope, u32 req_len, u32 resp_len,
		     ssize_t result, u64 tsm_code),
	    TP_ARGS(device, scope, req_len, resp_len, result, tsm_code),
	    TP_STRUCT__entry(__string(device, device) __string(scope, scope) __field(u32, req_len)
				     __field(u32, resp_len) __field(ssize_t, result)
					     __field(u64, tsm_code)),
	    TP_fast_assign(__assign_str(device); __assign_str(scope); __entry->req_len = req_len;
			   __entry->resp_len = resp_len; __entry->result = result;
			   __entry->tsm_code = tsm_code;),
	    TP_printk("device=%s scope=%s req_len=%u resp_len=%u result=%zd tsm_code=%#llx",
		      __get_str(device), __get_str(scope), __entry->req_len, __entry->resp_len,
		      __entry->result, __entry->tsm_code));

TRACE_EVENT(vfio_tsm_tdi_state, TP_PROTO(const char *device, const char *from, const char *to),
	    TP_ARGS(device, from, to),
	    TP_STRUCT__entry(__string(device, device) __string(from, from) __string(to, to)),
	    TP_fast_assign(__assign_str(device); __assign_str(from); __assign_str(to);),
	    TP_printk("device=%s from=%s to=%s", __get_str(device), __get_str(from),
		      __get_str(to)));

#endif /* VFIO_TSM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
