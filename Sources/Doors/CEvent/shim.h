// libevent: readiness, timers, signals and evdns. Only Loops imports this.
#ifndef DUSTCLOUD_CEVENT_H
#define DUSTCLOUD_CEVENT_H
#include <event2/event.h>
#include <event2/dns.h>
#include <event2/util.h>
#endif
