// libcurl: HTTP calls to providers and exchanges. Only Calling imports this.
#ifndef DUSTCLOUD_CCURL_H
#define DUSTCLOUD_CCURL_H
#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct { uint8_t *bytes; size_t count, limit; } dc_curl_buffer;

typedef struct {
    const char *method, *url;
    char *const *headers;  // "name: value", then NULL
    const uint8_t *body;
    size_t body_count;
    long connect_ms, total_ms;
    int is_plain;       // plain HTTP will do, and no proxy of the environment's is asked
    const char *proxy;  // or this one, whatever the environment says
    // Answered. The caller frees both buffers.
    long status;
    dc_curl_buffer answer, head;
} dc_curl_call;

enum { dc_curl_answered = 0, dc_curl_lost = 1, dc_curl_unsent = 2 };

// What is over the limit ends the transfer.
static size_t dc_curl_take(char *bytes, size_t size, size_t count, void *into) {
    dc_curl_buffer *buffer = (dc_curl_buffer *)into;
    size_t more = size * count;
    if (more > buffer->limit - buffer->count) return 0;
    uint8_t *grown = (uint8_t *)realloc(buffer->bytes, buffer->count + more + 1);
    if (!grown) return 0;
    memcpy(grown + buffer->count, bytes, more);
    buffer->bytes = grown;
    buffer->count += more;
    return more;
}

// Whether the request may have reached anybody: the connection stood and curl was about to send.
static inline int dc_curl_fate(CURL *curl, CURLcode code) {
    if (code == CURLE_OK) return dc_curl_answered;
    curl_off_t ready = 0;
    curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &ready);
    return ready > 0 ? dc_curl_lost : dc_curl_unsent;
}

static inline int dc_curl_set(CURL *curl, dc_curl_call *call, struct curl_slist *headers) {
    int bad = 0;
    bad |= curl_easy_setopt(curl, CURLOPT_URL, call->url);
    bad |= curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    bad |= curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    bad |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, call->is_plain ? "http,https" : "https");
    if (call->proxy) {
        bad |= curl_easy_setopt(curl, CURLOPT_PROXY, call->proxy);
        bad |= curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
    } else if (call->is_plain) {
        bad |= curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    }
    bad |= curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    bad |= curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    bad |= curl_easy_setopt(curl, CURLOPT_USERAGENT, "dustcloud");
    bad |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    bad |= curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    bad |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, call->connect_ms);
    bad |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, call->total_ms);
    bad |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, dc_curl_take);
    bad |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, &call->answer);
    bad |= curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, dc_curl_take);
    bad |= curl_easy_setopt(curl, CURLOPT_HEADERDATA, &call->head);
    if (call->body_count) {
        bad |= curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body);
        bad |= curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_count);
    }
    return bad;
}

// One call, start to end. `why`: CURL_ERROR_SIZE bytes for a reason, which never has headers or body in it.
static inline int dc_curl_perform(dc_curl_call *call, char *why) {
    why[0] = 0;
    CURL *curl = curl_easy_init();
    if (!curl) return dc_curl_unsent;
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    int short_of_memory = !headers;
    for (char *const *line = call->headers; *line && !short_of_memory; line++) {
        struct curl_slist *longer = curl_slist_append(headers, *line);
        if (longer) headers = longer; else short_of_memory = 1;
    }
    int fate = dc_curl_unsent;
    if (!short_of_memory && !dc_curl_set(curl, call, headers)) {
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
        CURLcode code = curl_easy_perform(curl);
        fate = dc_curl_fate(curl, code);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &call->status);
        if (code != CURLE_OK && !why[0]) strncpy(why, curl_easy_strerror(code), CURL_ERROR_SIZE - 1);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return fate;
}
#endif
