// libevent: readiness, timers, signals and evdns. Only Loops imports this.
#ifndef DUSTCLOUD_CEVENT_H
#define DUSTCLOUD_CEVENT_H
// event-config.h asks for GNU extensions; taking features.h first keeps system types equal to those of the Glibc module.
#include <features.h>
#include <netdb.h>
#include <event2/event.h>
#include <event2/dns.h>
#include <event2/util.h>

static const int dc_dns_options_all = DNS_OPTIONS_ALL;
#endif
