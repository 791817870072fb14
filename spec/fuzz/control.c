// control.c: what is said to a control socket, and what one says, under libFuzzer.
//
// The first byte of an input says which side speaks. Each byte 0xff ends what is sent at once.
#include "fuzz.h"
#include "process/control_socket.h"

#include <sys/socket.h>
#include <uv.h>

static uv_loop_t loop;

static void turn(void) {
    for (int i = 0; i < 3; i++) uv_run(&loop, UV_RUN_NOWAIT);
}

static void to_server(struct fuzz_in *in) {
    static struct control_socket *c;   // one for all inputs: each is a client of its own
    struct errmsg e;
    char path[128];
    snprintf(path, sizeof path, "/dev/shm/moontide-fuzz-%d.sock", (int)getpid());
    if (!c) {
        if (uv_loop_init(&loop) || control_socket_open(&loop, path, NULL, NULL, &c, &e)) abort();
    }
    int fd = control_socket_connect(path, &e);
    if (fd < 0) abort();
    turn();
    while (in->at < in->end) {
        size_t size;
        const char *piece = fuzz_piece(in, &size);
        if (size && send(fd, piece, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) break;
        turn();
        const struct control_socket_request *r;
        while ((r = control_socket_next(c)) != NULL) {
            if (strlen(r->text) > r->size || memchr(r->text, '\n', r->size)) abort();
            control_socket_send(c, r->client, r->text, r->size);
        }
        turn();
    }
    control_socket_hang_up(fd);
    turn();
}

static void to_client(struct fuzz_in *in) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) abort();
    if (in->at < in->end &&
        send(pair[0], in->at, (size_t)(in->end - in->at), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        abort();
    shutdown(pair[0], SHUT_WR);
    char *line;
    size_t size;
    while (control_socket_read(pair[1], 0, &line, &size) == ERR_OK) {
        if (line[size] != 0) abort();
        control_socket_line_free(line);
    }
    close(pair[0]);
    control_socket_hang_up(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    struct fuzz_in in = { data + 1, data + size };
    if (data[0] & 1)
        to_client(&in);
    else
        to_server(&in);
    return 0;
}
