#include "cli/options.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { OPTIONS_MAX = 96 };

static int fill(const struct command *c, struct option out[OPTIONS_MAX + 2]) {
    int count = 0;
    for (const struct option_spec *o = c->options; o && o->name && count < OPTIONS_MAX; o++) {
        out[count++] =
            (struct option){ o->name, o->kind == OPTION_FLAG ? no_argument : required_argument, NULL, 0 };
    }
    out[count] = (struct option){ "help", no_argument, NULL, 'h' };
    out[count + 1] = (struct option){ NULL, 0, NULL, 0 };
    return count;
}

static void add_to_list(lua_State *L, int table, const char *name, const char *value) {
    lua_getfield(L, table, name);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setfield(L, table, name);
    }
    lua_pushstring(L, value);
    lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
    lua_pop(L, 1);
}

int options_parse(lua_State *L, const struct command *c, int argc, char **argv) {
    lua_newtable(L);
    int table = lua_gettop(L);
    if (c->raw) {
        for (int i = 1; i < argc; i++) {
            lua_pushstring(L, argv[i]);
            lua_rawseti(L, table, i);
        }
        return 0;
    }
    struct option long_options[OPTIONS_MAX + 2];
    fill(c, long_options);
    opterr = 0;
    optind = 1;
    for (;;) {
        int index = -1;
        int found = getopt_long(argc, argv, ":h", long_options, &index);
        if (found == -1) break;
        if (found == 'h') {
            lua_pushboolean(L, 1);
            lua_setfield(L, table, "help");
        } else if (found == ':') {
            fprintf(stderr, "moontide %s: option %s needs a value; see moontide help %s\n", c->name,
                    argv[optind - 1], c->name);
            return 2;
        } else if (found == '?') {
            fprintf(stderr, "moontide %s: no such option %s; see moontide help %s\n", c->name,
                    argv[optind - 1], c->name);
            return 2;
        } else {
            const struct option_spec *o = &c->options[index];
            if (o->kind == OPTION_LIST) {
                add_to_list(L, table, o->name, optarg);
                // --data a.zip b.zip, --tls CERT KEY: the words that follow belong to the option, as a
                // shell's glob gives them.
                bool words = strcmp(o->name, "data") == 0 || strcmp(o->name, "tls") == 0;
                while (words && optind < argc && argv[optind][0] != '-') {
                    add_to_list(L, table, o->name, argv[optind++]);
                }
            } else {
                if (o->kind == OPTION_FLAG)
                    lua_pushboolean(L, 1);
                else
                    lua_pushstring(L, optarg);
                lua_setfield(L, table, o->name);
            }
        }
    }
    lua_newtable(
        L);   // the options as they were given, without the words beside them: getopt has put those last
    for (int i = 1; i < optind; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i);
    }
    lua_setfield(L, table, "argv");
    for (int i = optind; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, table, i - optind + 1);
    }
    return 0;
}

void options_help(const struct command *c) {
    printf("usage: moontide %s\n\n%s\n", c->usage, c->summary);
    if (c->options && c->options[0].name) printf("\n");
    for (const struct option_spec *o = c->options; o && o->name; o++) {
        if (!o->help) continue;   // for the program's own use
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("  %-26s %s\n", left, o->help);
    }
}
