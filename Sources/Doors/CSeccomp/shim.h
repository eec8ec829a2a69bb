// libseccomp: its rule function is variadic, and the action values are macros.
#ifndef DUSTCLOUD_CSECCOMP_H
#define DUSTCLOUD_CSECCOMP_H
#include <errno.h>
#include <seccomp.h>

static const unsigned dc_seccomp_kill = SCMP_ACT_KILL_PROCESS;
static const unsigned dc_seccomp_allow = SCMP_ACT_ALLOW;
static const unsigned dc_seccomp_no_such_call = SCMP_ACT_ERRNO(ENOSYS);
static const unsigned dc_seccomp_not_permitted = SCMP_ACT_ERRNO(EPERM);
// A rule for a system call whatever its arguments; 0 or a negative error.
static inline int dc_seccomp_add(scmp_filter_ctx filter, unsigned action, int number) { return seccomp_rule_add_array(filter, action, number, 0, 0); }
// Only where all bits of `mask` are set in the argument with this index.
static inline int dc_seccomp_add_masked(scmp_filter_ctx filter, unsigned action, int number, unsigned index, unsigned long mask) {
    struct scmp_arg_cmp bits = {index, SCMP_CMP_MASKED_EQ, mask, mask};
    return seccomp_rule_add_array(filter, action, number, 1, &bits);
}
#endif
