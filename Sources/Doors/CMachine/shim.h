// What the first process of a machine asks of its kernel. Each returns 0, or -1 with errno, as the calls behind them do.
#ifndef DUSTCLOUD_CMACHINE_H
#define DUSTCLOUD_CMACHINE_H
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <net/if.h>
#include <net/route.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Swift reads a program's arguments from /proc, which a machine's first process does not have yet.
extern char *program_invocation_name;
static inline int dc_is_started_as(const char *name) { return strcmp(program_invocation_name, name) == 0; }

static const unsigned long dc_mount_quiet = MS_NOSUID | MS_NODEV | MS_NOEXEC;
static const unsigned long dc_mount_devices = MS_NOSUID | MS_NOEXEC;
static inline int dc_mount(const char *type, const char *target, unsigned long flags, const char *options) { return mount(type, target, type, flags, options); }
static inline int dc_seal_root(void) { return mount(0, "/", 0, MS_REMOUNT | MS_RDONLY, 0); }

static inline int dc_load_module(int fd) { return (int)syscall(SYS_finit_module, fd, "", 0); }

static inline void dc_power_off(void) { reboot(RB_POWER_OFF); }
// Ctrl-Alt-Del of a console then only signals us, and we do not listen.
static inline int dc_ignore_console_keys(void) { return reboot(RB_DISABLE_CAD); }
// Whether the kernel's randomness is seeded; never waits.
static inline int dc_is_random_ready(void) { char byte; return getrandom(&byte, 1, GRND_NONBLOCK) == 1; }

static inline void dc_inet(struct sockaddr *to, unsigned address) {
    struct sockaddr_in *in = (struct sockaddr_in *)to;
    memset(in, 0, sizeof *in);
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(address);
}
// One request about an interface, with an IPv4 address in host order.
static inline int dc_interface(unsigned long request, const char *name, unsigned address) {
    struct ifreq wanted;
    memset(&wanted, 0, sizeof wanted);
    strncpy(wanted.ifr_name, name, IFNAMSIZ - 1);
    dc_inet(&wanted.ifr_addr, address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int status = ioctl(fd, request, &wanted), reason = errno;
    close(fd);
    errno = reason;
    return status;
}
static inline int dc_set_address(const char *name, unsigned address) { return dc_interface(SIOCSIFADDR, name, address); }
static inline int dc_set_netmask(const char *name, unsigned mask) { return dc_interface(SIOCSIFNETMASK, name, mask); }
static inline int dc_bring_up(const char *name) {
    struct ifreq wanted;
    memset(&wanted, 0, sizeof wanted);
    strncpy(wanted.ifr_name, name, IFNAMSIZ - 1);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int status = ioctl(fd, SIOCGIFFLAGS, &wanted);
    wanted.ifr_flags |= IFF_UP;
    if (status == 0) status = ioctl(fd, SIOCSIFFLAGS, &wanted);
    int reason = errno;
    close(fd);
    errno = reason;
    return status;
}
// The way to everywhere, over an IPv4 gateway in host order.
static inline int dc_add_default_route(unsigned gateway) {
    struct rtentry route;
    memset(&route, 0, sizeof route);
    dc_inet(&route.rt_dst, 0);
    dc_inet(&route.rt_genmask, 0);
    dc_inet(&route.rt_gateway, gateway);
    route.rt_flags = RTF_UP | RTF_GATEWAY;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int status = ioctl(fd, SIOCADDRT, &route), reason = errno;
    close(fd);
    errno = reason;
    return status;
}

static inline int dc_forget_groups(void) { return setgroups(0, 0); }
#endif
