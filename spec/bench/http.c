// http.c: the baseline of a call's latency: requests that are ready to be sent, by libcurl's multi interface
// and nothing else.
//     bench_http METHOD URL BODY_OR_- KEY_OR_- COUNT IN_FLIGHT [CA_FILE]
// prints: requests a second, p50 and p99 and p99.9 in microseconds, microseconds of processor a request
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double processor_us(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static size_t take(char *bytes, size_t size, size_t count, void *to) {
    (void)bytes;
    *(size_t *)to += size * count;
    return size * count;
}

static int by_value(const void *a, const void *b) {
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

int main(int argc, char **argv) {
    if (argc < 7) return 2;
    int count = atoi(argv[5]), in_flight = atoi(argv[6]), warm = 200 + in_flight, started = 0, done = 0;
    double *sent = calloc((size_t)in_flight, sizeof *sent),
           *took = calloc((size_t)(count + warm), sizeof *took), start = 0, work = 0;
    size_t bytes = 0;
    char key[256];
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    snprintf(key, sizeof key, "X-MBX-APIKEY: %s", argv[4]);
    if (argv[4][0] != '-') headers = curl_slist_append(headers, key);
    CURLM *multi = curl_multi_init();
    CURL **easy = calloc((size_t)in_flight, sizeof *easy);
    for (int i = 0; i < in_flight; i++) {
        easy[i] = curl_easy_init();
        curl_easy_setopt(easy[i], CURLOPT_URL, argv[2]);
        curl_easy_setopt(easy[i], CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy[i], CURLOPT_WRITEFUNCTION, take);
        curl_easy_setopt(easy[i], CURLOPT_WRITEDATA, &bytes);
        curl_easy_setopt(easy[i], CURLOPT_PRIVATE, &sent[i]);
        curl_easy_setopt(easy[i], CURLOPT_NOSIGNAL, 1L);
        if (argc > 7) curl_easy_setopt(easy[i], CURLOPT_CAINFO, argv[7]);
        if (argv[3][0] != '-') curl_easy_setopt(easy[i], CURLOPT_POSTFIELDS, argv[3]);
        curl_easy_setopt(easy[i], CURLOPT_CUSTOMREQUEST, argv[1]);
        sent[i] = now_us();
        curl_multi_add_handle(multi, easy[i]);
        started++;
    }
    while (done < count + warm) {
        int running, left;
        CURLMsg *m;
        curl_multi_perform(multi, &running);
        bool some = false;
        while ((m = curl_multi_info_read(multi, &left)) != NULL) {
            double *at, now = now_us();
            long status = 0;
            CURL *e = m->easy_handle;
            some = true;
            if (m->data.result != CURLE_OK)
                return fprintf(stderr, "%s\n", curl_easy_strerror(m->data.result)), 1;
            curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
            if (status != 200) return fprintf(stderr, "status %ld\n", status), 1;
            curl_easy_getinfo(e, CURLINFO_PRIVATE, (char **)&at);
            took[done++] = now - *at;
            if (done == warm) start = now, work = processor_us();
            curl_multi_remove_handle(multi, e);
            if (started == count + warm) continue;
            started++;
            *at = now;
            curl_multi_add_handle(multi, e);
        }
        if (!some) curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    double gone = now_us() - start;
    qsort(took + warm, (size_t)count, sizeof *took, by_value);
    printf("%.0f %.1f %.1f %.1f %.2f\n", count * 1e6 / gone, took[warm + count / 2],
           took[warm + count * 99 / 100], took[warm + (int)(count * 0.999)], (processor_us() - work) / count);
    return 0;
}
