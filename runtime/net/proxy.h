// proxy.h: by which proxy connections are to go. What it means is libcurl's: a URL of http, https, socks4,
// socks4a, socks5 or socks5h, with user:password@ where the proxy asks for them; http where it names no kind.
#ifndef MT_NET_PROXY_H
#define MT_NET_PROXY_H

#include "base/err.h"

#include <stdbool.h>

// Whether any address may be reached by one: `given` ("": none), or where that is NULL, what the environment
// names.
bool proxy_possible(const char *given);

// ERR_INVALID for one that is none, with a line that holds no password. NULL: those of the environment.
int proxy_check(const char *proxy, struct errmsg *e);

// Whether the URL holds a password.
bool proxy_has_secret(const char *proxy);

#endif
