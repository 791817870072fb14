#include "cli/options.h"
#include "script/lua_host.h"

#include <fcntl.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command *const commands[] = {
    &command_backtest, &command_data,     &command_paper,  &command_explain, &command_live,
    &command_stop,     &command_repl,     &command_attach, &command_status,  &command_top,
    &command_doctor,   &command_exchange, &command_new,    &command_test,    &command_script,
};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_overview(FILE *out) {
    fprintf(
        out,
        "moontide %s: write a strategy in Lua, backtest it, run it\n\nusage: moontide COMMAND [options]\n\n",
        MOONTIDE_VERSION);
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out, "  %-10s %s\n  %-10s %s\n", "help",
            "Explains a command (moontide help backtest) or the settings (moontide help config).", "version",
            "Prints the version.");
}

static const struct command *find_command(const char *name) {
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    }
    return NULL;
}

static int unknown_command(const char *name) {
    fprintf(stderr, "moontide: no such command '%s'; moontide help lists them\n", name);
    return 2;
}

static int help_config(void) {
    lua_State *L = lua_host_state_new();
    if (!L) {
        fprintf(stderr, "moontide: not enough memory to start\n");
        return 1;
    }
    lua_newtable(L);
    int status = lua_host_run_command(L, "help_config");
    lua_close(L);
    return status;
}

static int help(int argc, char **argv) {
    if (argc < 2) {
        print_overview(stdout);
        return 0;
    }
    if (!strcmp(argv[1], "config")) return help_config();
    const struct command *c = find_command(argv[1]);
    if (!c) return unknown_command(argv[1]);
    options_help(c);
    return 0;
}

static int run(const struct command *c, int argc, char **argv) {
    lua_State *L = lua_host_state_new();
    if (!L) {
        fprintf(stderr, "moontide: not enough memory to start\n");
        return 1;
    }
    int status = options_parse(L, c, argc, argv);
    if (status == 0) {
        lua_getfield(L, -1, "help");
        int wants_help = lua_toboolean(L, -1);
        lua_pop(L, 1);
        if (wants_help)
            options_help(c);
        else
            status = lua_host_run_command(L, c->lua);
    }
    lua_close(L);
    return status;
}

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
    if (argc < 2) {
        print_overview(stderr);
        return 2;
    }
    const char *name = argv[1];
    if (!strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h"))
        return help(argc - 1, argv + 1);
    if (!strcmp(name, "version") || !strcmp(name, "--version")) {
        printf("moontide %s\n", MOONTIDE_VERSION);
        return 0;
    }
    const struct command *c = find_command(name);
    return c ? run(c, argc - 1, argv + 1) : unknown_command(name);
}
