// fanout.c: counts the messages a WebSocket server sends to N connections at one address, for some seconds.
//     bench_fanout PORT PATH CONNECTIONS SECONDS      prints messages and bytes a second
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_SIZE = 1 << 18 };

struct peer {
    int fd;
    uint64_t skip;
    unsigned char head[14];
    int have;
};   // skip: bytes of the frame going on

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_socket(int port, const char *path) {
    struct sockaddr_in where = { .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    char text[512];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int size = snprintf(text, sizeof text,
                        "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                        path);
    if (connect(fd, (struct sockaddr *)&where, sizeof where) != 0 || send(fd, text, (size_t)size, 0) != size)
        return -1;
    int end = 0;   // the head of the answer, to its empty line
    for (char c; end < 4 && recv(fd, &c, 1, 0) == 1;) end = c == "\r\n\r\n"[end] ? end + 1 : c == '\r';
    return fd;
}

// Frames of a server bear no mask: two to ten bytes of head, then the payload.
static uint64_t count_frames(struct peer *p, const unsigned char *bytes, size_t size) {
    uint64_t frames = 0;
    while (size > 0) {
        if (p->skip > 0) {
            uint64_t part = p->skip < size ? p->skip : size;
            p->skip -= part;
            bytes += part;
            size -= part;
            continue;
        }
        p->head[p->have++] = *bytes++;
        size--;
        int length = p->have < 2 ? 2 : (p->head[1] & 127) == 126 ? 4 : (p->head[1] & 127) == 127 ? 10 : 2;
        if (p->have < length) continue;
        uint64_t payload = p->head[1] & 127;
        if (length > 2) payload = 0;
        for (int i = 2; i < length; i++) payload = payload << 8 | p->head[i];
        p->skip = payload;
        p->have = 0;
        frames += (p->head[0] & 15) == 1;
    }
    return frames;
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    int count = atoi(argv[3]), poll = epoll_create1(0);
    struct peer *peers = calloc((size_t)count, sizeof *peers);
    static unsigned char buffer[READ_SIZE];
    for (int i = 0; i < count; i++) {
        peers[i].fd = open_socket(atoi(argv[1]), argv[2]);
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = &peers[i] };
        if (peers[i].fd < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, peers[i].fd, &e) != 0) return 1;
    }
    uint64_t frames = 0, bytes = 0;
    double start = now(), seconds = atof(argv[4]);
    while (now() - start < seconds) {
        struct epoll_event events[64];
        int ready = epoll_wait(poll, events, 64, 100);
        for (int i = 0; i < ready; i++) {
            struct peer *p = events[i].data.ptr;
            ssize_t size = recv(p->fd, buffer, sizeof buffer, 0);
            if (size <= 0) return 1;
            frames += count_frames(p, buffer, (size_t)size);
            bytes += (uint64_t)size;
        }
    }
    double gone = now() - start;
    printf("%.0f %.0f\n", (double)frames / gone, (double)bytes / gone);
    return 0;
}
