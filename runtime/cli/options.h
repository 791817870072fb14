// options.h: a subcommand's options as one table, from which parsing and help are both made.
#ifndef MT_CLI_OPTIONS_H
#define MT_CLI_OPTIONS_H

#include <lua.h>

enum option_kind { OPTION_FLAG, OPTION_VALUE, OPTION_LIST };   // LIST: may be given several times

struct option_spec {
    const char *name;    // "data"
    int kind;            // enum option_kind
    const char *value;   // "PATH" in help
    const char *help;    // NULL: not shown
};

struct command {
    const char *name;
    const char *usage;                   // after "moontide "
    const char *summary;                 // one line
    const struct option_spec *options;   // ended by a NULL name
    const char *lua;                     // the module moontide.cmd.<lua> that runs it
    int raw;                             // 1: arguments are passed through unparsed
};

// A line each, as in cli/main.c.
extern const struct command command_backtest;
extern const struct command command_data;
extern const struct command command_paper;
extern const struct command command_repl;
extern const struct command command_explain;
extern const struct command command_attach;
extern const struct command command_status;
extern const struct command command_top;
extern const struct command command_live;
extern const struct command command_stop;
extern const struct command command_doctor;
extern const struct command command_exchange;
extern const struct command command_new;
extern const struct command command_test;
extern const struct command command_script;

// Parses argv (argv[0] is the command's name) into a new table on the stack: options by name (true, a string,
// or a list of strings), positional arguments by number, and `argv`, the options as given. Returns 0, or 2
// after one line on standard error.
int options_parse(lua_State *L, const struct command *c, int argc, char **argv);

// Prints the command's help on standard output.
void options_help(const struct command *c);

#endif
