// libpq: an exchange's tables in PostgreSQL. Only Market imports this.
#ifndef DUSTCLOUD_CPOSTGRES_H
#define DUSTCLOUD_CPOSTGRES_H
#include <libpq-fe.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { dc_pg_why = 512, dc_pg_options = 64, dc_pg_arguments = 32 };

static inline void dc_pg_silent(void *context, const char *notice) { (void)context; (void)notice; }

static inline int dc_pg_is_loopback(const char *host) {
    return !strcmp(host, "localhost") || !strcmp(host, "127.0.0.1") || !strcmp(host, "::1");
}

// Connects, or says why not. A password in the address would be seen by everybody on this machine; a server elsewhere must show a
// certificate unless the address says how much of one is enough. On a socket in the file system libpq asks for none.
static inline PGconn *dc_pg_open(const char *address, char *why) {
    char *error = NULL;
    PQconninfoOption *options = PQconninfoParse(address, &error);
    if (!options) {
        // libpq's words may repeat the address.
        snprintf(why, dc_pg_why, "the address is not one of PostgreSQL's");
        if (error) PQfreemem(error);
        return NULL;
    }
    const char *names[dc_pg_options + 1], *values[dc_pg_options + 1], *mode = NULL, *host = NULL;
    int count = 0, has_password = 0, has_limit = 0;
    for (PQconninfoOption *option = options; option->keyword && count < dc_pg_options - 3; option++) {
        if (!option->val) continue;
        if (!strcmp(option->keyword, "password")) has_password = 1;
        if (!strcmp(option->keyword, "sslmode")) mode = option->val;
        if (!strcmp(option->keyword, "connect_timeout")) has_limit = 1;
        if (!strcmp(option->keyword, "hostaddr")) host = option->val;
        if (!strcmp(option->keyword, "host") && !host) host = option->val;
        names[count] = option->keyword;
        values[count++] = option->val;
    }
    if (!mode && !(host && dc_pg_is_loopback(host))) { names[count] = "sslmode"; values[count++] = "verify-full"; }
    if (!has_limit) { names[count] = "connect_timeout"; values[count++] = "10"; }
    names[count] = "fallback_application_name"; values[count++] = "dustcloud";
    names[count] = values[count] = NULL;
    PGconn *connection = NULL;
    if (has_password) {
        snprintf(why, dc_pg_why, "the address has a password in it, which others on this machine could read: put it into ~/.pgpass");
    } else if (!(connection = PQconnectdbParams(names, values, 0)) || PQstatus(connection) != CONNECTION_OK) {
        snprintf(why, dc_pg_why, "%s", connection ? PQerrorMessage(connection) : "no memory");
        PQfinish(connection);
        connection = NULL;
    } else {
        PQsetNoticeProcessor(connection, dc_pg_silent, NULL);
        if (PQsetnonblocking(connection, 1)) { snprintf(why, dc_pg_why, "%s", PQerrorMessage(connection)); PQfinish(connection); connection = NULL; }
    }
    PQconninfoFree(options);
    return connection;
}

static inline int64_t dc_pg_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Waits until what was sent is answered; 0 if the connection broke or the time is over. It is of no more use then.
static inline int dc_pg_wait(PGconn *connection, int64_t deadline) {
    for (;;) {
        int unsent = PQflush(connection);
        if (unsent < 0) return 0;
        if (!unsent && !PQisBusy(connection)) return 1;
        int64_t left = deadline - dc_pg_now();
        struct pollfd wait = {.fd = PQsocket(connection), .events = (short)(POLLIN | (unsent ? POLLOUT : 0))};
        if (left <= 0 || wait.fd < 0) return 0;
        if (poll(&wait, 1, (int)left) > 0 && !PQconsumeInput(connection)) return 0;
    }
}

// The last result of what was sent, or the first that is an error; NULL if there is none in time. The caller clears it.
static inline PGresult *dc_pg_result(PGconn *connection, int limit_ms) {
    PGresult *kept = NULL;
    int64_t deadline = dc_pg_now() + limit_ms;
    for (;;) {
        if (!dc_pg_wait(connection, deadline)) { PQclear(kept); return NULL; }
        PGresult *next = PQgetResult(connection);
        if (!next) return kept;
        if (kept && PQresultStatus(kept) == PGRES_FATAL_ERROR) { PQclear(next); continue; }
        PQclear(kept);
        kept = next;
    }
}

static inline PGresult *dc_pg_script(PGconn *connection, const char *sql, int limit_ms) {
    return PQsendQuery(connection, sql) ? dc_pg_result(connection, limit_ms) : NULL;
}

static inline PGresult *dc_pg_prepare(PGconn *connection, const char *name, const char *sql, int count, const unsigned *types, int limit_ms) {
    return PQsendPrepare(connection, name, sql, count, types) ? dc_pg_result(connection, limit_ms) : NULL;
}

// Arguments lie one after another in `bytes`, a length each; -1 is NULL. They and the answer are in binary.
static inline PGresult *dc_pg_run(PGconn *connection, const char *name, int count, const uint8_t *bytes, const int *lengths, int limit_ms) {
    const char *values[dc_pg_arguments];
    int formats[dc_pg_arguments];
    if (count > dc_pg_arguments) return NULL;
    for (int index = 0; index < count; index++) {
        values[index] = lengths[index] < 0 ? NULL : (const char *)bytes;
        formats[index] = 1;
        if (lengths[index] > 0) bytes += lengths[index];
    }
    return PQsendQueryPrepared(connection, name, count, values, lengths, formats, 1) ? dc_pg_result(connection, limit_ms) : NULL;
}
#endif
