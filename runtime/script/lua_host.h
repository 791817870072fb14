// lua_host.h: the Lua state of a process, and the module `moontide.lua_host` of small native functions.
#ifndef MT_SCRIPT_LUA_HOST_H
#define MT_SCRIPT_LUA_HOST_H

#include <lua.h>

// A state with all standard libraries, `moontide.lua_host` in package.preload and package.path set so that
// require "moontide.x" finds the Lua side of the build tree or of the installation, in this order: beside the
// running binary (../lua, ../share/moontide/lua), then the PREFIX of the build. NULL when memory is short.
lua_State *lua_host_state_new(void);

// Runs the command line: calls require("moontide.cmd").main(words) with the words after the program's name, and
// returns the exit status.
int lua_host_run(lua_State *L, int count, char **words);

#endif
