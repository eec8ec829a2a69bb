// libevent: readiness, timers, signals and evdns. Only Loops imports this.
#ifndef DUSTCLOUD_CEVENT_H
#define DUSTCLOUD_CEVENT_H
// event-config.h asks for GNU extensions; taking features.h first keeps system types equal to those of the Glibc module.
#include <features.h>
#include <netdb.h>
#include <event2/event.h>
#include <event2/dns.h>
#include <event2/thread.h>
#include <event2/util.h>

// Names are asked for as they are: a search list would look up a client's name under the operator's own domains.
static const int dc_dns_options = DNS_OPTIONS_ALL & ~DNS_OPTION_SEARCH;
#endif
