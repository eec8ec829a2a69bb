// Devices and addresses of another network namespace, by descriptors that belong to it: a socket or tap stays where it was opened,
// and whoever made the namespace may settle what is in it from outside.
#ifndef DUSTCLOUD_YARD_H
#define DUSTCLOUD_YARD_H
#include "launch.h"
#include <sys/ioctl.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>

enum dc_yard_kind { DC_YARD_STREAM = 0, DC_YARD_DATAGRAM = 1, DC_YARD_TAP = 2 };

static inline int dc_yard_open_here(int kind) {
    if (kind == DC_YARD_TAP) return open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return socket(AF_INET, (kind == DC_YARD_STREAM ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
}

union dc_yard_parcel { struct cmsghdr head; char bytes[CMSG_SPACE(sizeof(int))]; };

static inline int dc_yard_send(int to, int fd, int reason) {
    union dc_yard_parcel parcel = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct iovec word = {&reason, sizeof reason};
    struct msghdr letter = {.msg_iov = &word, .msg_iovlen = 1};
    if (fd >= 0) {
        memcpy(CMSG_DATA(&parcel.head), &fd, sizeof fd);
        letter.msg_control = parcel.bytes;
        letter.msg_controllen = sizeof parcel.bytes;
    }
    return (int)sendmsg(to, &letter, MSG_NOSIGNAL);
}

static inline int dc_yard_receive(int from) {
    union dc_yard_parcel parcel = {0};
    int reason = EIO, fd = -1;
    struct iovec word = {&reason, sizeof reason};
    struct msghdr letter = {.msg_iov = &word, .msg_iovlen = 1, .msg_control = parcel.bytes, .msg_controllen = sizeof parcel.bytes};
    ssize_t count;
    while ((count = recvmsg(from, &letter, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {}
    struct cmsghdr *head = count > 0 ? CMSG_FIRSTHDR(&letter) : NULL;
    if (head && head->cmsg_type == SCM_RIGHTS) memcpy(&fd, CMSG_DATA(head), sizeof fd);
    if (fd < 0) errno = reason;
    return fd;
}

// Opens a socket or the tap device as somebody in those namespaces would. -1 with errno.
static inline int dc_yard_open(int user_namespace, int network_namespace, int kind) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -1;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    if (child == 0) {
        int isThere = setns(user_namespace, DC_NEW_USER) == 0 && setns(network_namespace, DC_NEW_NETWORK) == 0;
        int fd = isThere ? dc_yard_open_here(kind) : -1;
        dc_yard_send(ends[1], fd, errno);
        _exit(0);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    int fd = child > 0 ? dc_yard_receive(ends[0]) : -1, reason = errno;
    close(ends[0]);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
    errno = reason;
    return fd;
}

static inline struct ifreq dc_yard_device(const char *name) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    return request;
}

// Makes the opened tap device a link of that name, which is there for as long as the descriptor is open. EBUSY: the name is taken.
static inline int dc_yard_name_tap(int tap, const char *name) {
    struct ifreq request = dc_yard_device(name);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    return ioctl(tap, TUNSETIFF, &request);
}

static inline int dc_yard_make_bridge(int any, const char *name) { return ioctl(any, SIOCBRADDBR, name); }

static inline int dc_yard_join(int any, const char *bridge, const char *link) {
    struct ifreq request = dc_yard_device(link);
    if (ioctl(any, SIOCGIFINDEX, &request) != 0) return -1;
    int index = request.ifr_ifindex;
    request = dc_yard_device(bridge);
    request.ifr_ifindex = index;
    return ioctl(any, SIOCBRADDIF, &request);
}

static inline int dc_yard_raise(int any, const char *link) {
    struct ifreq request = dc_yard_device(link);
    if (ioctl(any, SIOCGIFFLAGS, &request) != 0) return -1;
    request.ifr_flags |= IFF_UP;
    return ioctl(any, SIOCSIFFLAGS, &request);
}

static inline int dc_yard_set_address(int any, const char *link, unsigned ip, unsigned mask) {
    struct ifreq request = dc_yard_device(link);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(ip)}};
    memcpy(&request.ifr_addr, &name, sizeof name);
    if (ioctl(any, SIOCSIFADDR, &request) != 0) return -1;
    name.sin_addr.s_addr = htonl(mask);
    memcpy(&request.ifr_netmask, &name, sizeof name);
    return ioctl(any, SIOCSIFNETMASK, &request);
}

static inline int dc_yard_set_hardware_address(int any, const char *link, const unsigned char address[6]) {
    struct ifreq request = dc_yard_device(link);
    request.ifr_hwaddr.sa_family = 1;
    memcpy(request.ifr_hwaddr.sa_data, address, 6);
    return ioctl(any, SIOCSIFHWADDR, &request);
}
#endif
