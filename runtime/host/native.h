// native.h: the Lua state of a process, and the module `moontide.host` of small native functions.
#ifndef MT_HOST_NATIVE_H
#define MT_HOST_NATIVE_H

#include <lua.h>

// A state with all standard libraries, `moontide.host` in package.preload and package.path set so that
// require "moontide.x" finds the Lua side of the build tree or of the installation, in this order: beside the
// running binary (../lua, ../share/moontide/lua), then the PREFIX of the build. NULL when memory is short.
lua_State *native_state_new(void);

// Calls require("moontide.cmd.<name>").run(options) with the table on top of the stack and returns the exit status.
int native_run_command(lua_State *L, const char *name);

#endif
