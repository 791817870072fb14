// main.c: the program: makes the Lua state, hands the words of the command line to it, returns its exit status.
#include "script/lua_host.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

// Started with standard descriptors closed (by some service managers): what was opened next would stand in
// their place, and what is printed would go into a socket or a file.
static void hold_standard_descriptors(void) {
    int fd;
    do fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

int main(int argc, char **argv) {
    hold_standard_descriptors();
    lua_State *L = lua_host_state_new();
    if (!L) {
        fprintf(stderr, "moontide: not enough memory to start\n");
        return 1;
    }
    int status = lua_host_run(L, argc - 1, argv + 1);
    lua_close(L);
    return status;
}
