# Moontide. `make help` lists the targets.
# make has a CC of its own, which `?=` would keep.
ifeq ($(origin CC),default)
CC := gcc
endif
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
SEED ?= 1
N ?= 200
V ?= 0
FUZZ_SECONDS ?= 60
FUZZ ?= $(sort $(patsubst spec/fuzz/%.c,%,$(wildcard spec/fuzz/*.c)))
FUZZ_CC ?= clang
JOBS ?= $(shell nproc)
# Files of specs at once. Those that wait for sockets and processes more than they compute take half a place each.
TEST_JOBS ?= $(shell expr $$(nproc) + 1)

PACKAGES := gcc make pkg-config libluajit-5.1-dev lua-cjson lua-busted lua-check libssl-dev libarchive-dev \
            libcsv-dev zlib1g-dev uthash-dev libuv1-dev libwslay-dev libhttp-parser-dev libjson-c-dev libjsmn-dev libcurl4-openssl-dev libsqlite3-dev libedit-dev libseccomp-dev libexpat1-dev unzip zip curl openssl
LIBS_PC := libcrypto libssl libcurl libarchive zlib libuv json-c sqlite3 libedit libseccomp expat
CFLAGS ?= -O2 -g
# For a program that holds keys. Sanitizer builds leave it out: it would hide from them what it catches itself.
HARDENING := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
HARDENED_LINK := -pie -Wl,-z,relro,-z,now,-z,noexecstack
WARN := -Wall -Wextra -Wshadow -Wconversion -Werror
# Expanded when used, not when read: pkg-config may only have been installed by `make deps` a moment ago.
CPPFLAGS = -D_GNU_SOURCE -Iruntime -I$(BUILD) $(shell pkg-config --cflags luajit $(LIBS_PC)) \
           -DMOONTIDE_PREFIX='"$(PREFIX)"' -DMOONTIDE_VERSION='"$(VERSION)"'
LUAJIT_A = $(shell pkg-config --variable=libdir luajit)/libluajit-5.1.a
# LuaJIT is linked whole, so that lua-cjson finds its API in the binary, and with its sources of chance wrapped, so that its string
# hash is seeded the same in every run (script/lua_seed.c).
LDLIBS = -Wl,--whole-archive $(LUAJIT_A) -Wl,--no-whole-archive -Wl,--wrap=open64 -Wl,--wrap=syscall \
         $(shell pkg-config --libs $(LIBS_PC)) -lcsv -lwslay -lhttp_parser -lm -ldl
LDFLAGS = -rdynamic $(HARDENED_LINK)
# That of the nearest tag; in a tree without one (an archive, a shallow clone), the last release.
VERSION := $(or $(shell git describe --tags --match 'v[0-9]*' 2>/dev/null | sed 's/^v//; s/-/+/; s/-/./g'),0.1.0)

# Test code (runtime/testing) is a library of its own, which specs load: it is not in the product.
SOURCES := $(sort $(filter-out runtime/testing/%,$(wildcard runtime/*/*.c runtime/*/*/*.c)))
OBJECTS := $(SOURCES:runtime/%.c=$(BUILD)/obj/%.o)
BINARY := $(BUILD)/moontide
TESTING := $(BUILD)/moontide_testing.so

ifeq ($(V),0)
Q := @
say = @printf '  %-4s %s\n' $(1) $(2)
else
Q :=
say = @:
endif

.PHONY: all deps clients page run test stress soak bench bench-check bench-accept bench-run asan tsan lint format format-check formatters check fuzz mutants docs install install-files uninstall deb clean help
.DEFAULT_GOAL := all

all: $(BINARY) $(TESTING) page  ## build build/moontide, and the library of test code that specs load

deps:                     ## install what is missing of Debian's packages (as root; no-op when all is there)
	@missing=$$(for p in $(PACKAGES); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then echo "installing:" $$missing; \
	  if [ "$$(id -u)" != 0 ]; then echo "moontide: these packages are missing; run as root, or: apt-get install" $$missing >&2; exit 1; fi; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi

run: deps                 ## set up, build, backtest a strategy on a made market, and write its page
	@command -v npm >/dev/null || [ -e build/page/installed ] || $(MAKE) --no-print-directory deps PACKAGES="nodejs npm"
	@$(MAKE) --no-print-directory -j$(JOBS) all
	$(BINARY) backtest strategies/ema_cross.lua --synthetic $(SEED) \
	  $$([ ! -e build/page/installed ] || echo --report build/report.html)

# Real clients of the exchange, for its specs, and the formatter of Lua. Without a registry the specs that need them are skipped, with a line.
clients:                  ## install the npm clients that the specs run (build/clients)
	@command -v node >/dev/null || $(MAKE) --no-print-directory deps PACKAGES=nodejs
	@command -v npm >/dev/null || $(MAKE) --no-print-directory deps PACKAGES=npm
	@$(MAKE) --no-print-directory build/clients/installed || echo "note: the npm clients could not be installed; their specs are skipped" >&2

build/clients/installed: spec/clients/package.json spec/clients/package-lock.json
	@mkdir -p build/clients
	@cp spec/clients/package.json spec/clients/package-lock.json build/clients/
	@cd build/clients && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error >npm.log 2>&1 && touch installed

# What draws the charts of the report's page. Without a registry there is no page, with a line.
PAGE := lua/moontide/page/files
page:                     ## install the npm libraries of the report's page (build/page)
	@[ -e build/page/installed ] && [ ! $(PAGE)/package-lock.json -nt build/page/installed ] \
	  || $(MAKE) --no-print-directory build/page/installed \
	  || echo "note: npm could not fetch the libraries of the report's page; backtest --report is left out (make page tries again)" >&2

build/page/installed: $(PAGE)/package.json $(PAGE)/package-lock.json
	@mkdir -p build/page/npm
	@cp $^ build/page/npm/
	@cd build/page/npm && { npm ci --no-audit --no-fund --ignore-scripts --fetch-retries=1 --loglevel=error >npm.log 2>&1; } 2>/dev/null
	@cd build/page/npm/node_modules && cp lightweight-charts/dist/lightweight-charts.standalone.production.js ../../lightweight-charts.js && \
	  cp lightweight-charts/LICENSE ../../lightweight-charts.license && cp uplot/dist/uPlot.iife.min.js ../../uplot.js && \
	  cp uplot/dist/uPlot.min.css ../../uplot.css && cp uplot/LICENSE ../../uplot.license
	@touch $@

test: deps clients        ## set up, build and run all specs
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@[ -e $(BUILD)/spec_times ] || cp spec/times $(BUILD)/spec_times
	@MOONTIDE_SEED=$(SEED) MOONTIDE_TEST_TIMES=$(BUILD)/spec_times $(BINARY) test --jobs $(TEST_JOBS)

stress: deps clients      ## the suite 20 times beside four busy loops (STRESS_RUNS=20): it ends the same every time
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@STRESS_JOBS=$(TEST_JOBS) .ci/stress $(BINARY)

soak: deps                ## a million simulated orders and 20,000 over sockets through faults and kills: a table; then flat memory
	@$(MAKE) --no-print-directory all
	@MOONTIDE_SEED=$(SEED) $(BINARY) test spec/soak/orders.lua
	@$(BINARY) test spec/soak/sockets.lua

BENCH_PROGRAMS = $(addprefix $(BUILD)/bench_,loop limits fanout http)
bench: bench-run          ## measure, each figure beside its baseline of the same run (ONLY="backtest live", REPEAT=5)
bench-check: bench-run    ## the same, and fail when a figure is worse by a tenth than spec/bench/BASELINE.json has it
bench-accept: bench-run   ## the same, and write spec/bench/BASELINE.json
bench-check: BENCH_MODE = check
bench-accept: BENCH_MODE = accept
bench-run: deps clients
	@$(MAKE) --no-print-directory deps PACKAGES="nginx-light wrk util-linux procps"
	@$(MAKE) --no-print-directory -j$(JOBS) all $(BENCH_PROGRAMS)
	@ONLY="$(ONLY)" REPEAT="$(REPEAT)" $(BINARY) script spec/bench/run.lua $(BUILD) $(BENCH_MODE)

SANITIZED = HARDENING= HARDENED_LINK= all
asan: deps clients        ## all specs (or SPECS="...") under the address and undefined behaviour sanitizers
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-asan CFLAGS='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DMOONTIDE_SANITIZED' LDFLAGS='-rdynamic -fsanitize=address,undefined' $(SANITIZED)
	@ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 LSAN_OPTIONS=suppressions=$(CURDIR)/.lsan build-asan/moontide test --jobs $(TEST_JOBS) $(SPECS)

# What runs on more than one thread: the journal, and what waits for it.
TSAN_SPECS := spec/store spec/world/live_journal_spec.lua spec/record/saved_recording_spec.lua
tsan: deps                ## the specs of what uses threads, under the thread sanitizer
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build-tsan CFLAGS='-O1 -g -fsanitize=thread -fno-omit-frame-pointer -DMOONTIDE_SANITIZED' LDFLAGS='-rdynamic -fsanitize=thread' $(SANITIZED)
	@TSAN_OPTIONS=suppressions=$(CURDIR)/.tsan:halt_on_error=1 build-tsan/moontide test --jobs $(TEST_JOBS) $(TSAN_SPECS)

fuzz: deps                ## every reader of foreign bytes under libFuzzer, each for FUZZ_SECONDS (60); FUZZ="streams stores" picks
	@$(MAKE) --no-print-directory deps PACKAGES=clang
	@$(MAKE) --no-print-directory -j$(JOBS) $(FUZZ:%=$(BUILD)/fuzz/%)
	@for t in $(FUZZ); do sh spec/fuzz/run.sh $(BUILD)/fuzz $$t -max_total_time=$(FUZZ_SECONDS) || exit 1; done

mutants: deps             ## break the gateway rule by rule, then N operators of the pure rooms at random (SEED): do the specs notice?
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@$(BINARY) script spec/mutants/gateway.lua
	@$(BINARY) script spec/mutants/random.lua $(N) $(SEED)

lint: deps clients        ## warnings as errors, luacheck, formatting, the ladder of rooms, the lists of docs and top level
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@luacheck --quiet lua strategies spec examples docs
	@$(CC) -std=c11 $(CPPFLAGS) -Wall -Wextra -Wshadow -Werror -fsyntax-only -Ispec/fuzz spec/fuzz/*.c
	@$(MAKE) --no-print-directory format-check
	@$(BINARY) script docs/generate_api.lua --check
	@$(BINARY) script docs/generate_commands.lua --check
	@$(BINARY) script docs/generate_indicators.lua --check
	@for l in spec/lint/*.lua; do $(BINARY) script $$l $(BUILD) || exit 1; done
	@for l in spec/lint/*.sh; do [ ! -e $$l ] || sh $$l || exit 1; done

C_FILES = $(wildcard runtime/*/*.[ch] runtime/*/*/*.[ch] spec/*/*.[ch])
LUA_FILES = $(shell git ls-files 'lua/*.lua' 'strategies/*.lua' 'spec/*.lua' 'examples/*.lua')
format: formatters  ## format all C and Lua
	@clang-format -i $(C_FILES)
	@[ ! -e build/clients/installed ] || MOONTIDE_CLIENTS=$(CURDIR)/build/clients node spec/clients/format_lua.mjs $(LUA_FILES)

format-check: formatters
	@clang-format --dry-run -Werror $(C_FILES)
	@[ ! -e build/clients/installed ] || MOONTIDE_CLIENTS=$(CURDIR)/build/clients node spec/clients/format_lua.mjs --check $(LUA_FILES)

formatters: clients
	@$(MAKE) --no-print-directory deps PACKAGES=clang-format

check: deps               ## cppcheck and clang-tidy over the C
	@$(MAKE) --no-print-directory deps PACKAGES="cppcheck clang-tidy"
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@cppcheck --quiet --std=c11 --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
	  --suppressions-list=.cppcheck -Iruntime -D_GNU_SOURCE -D__GNUC__ -j $(JOBS) $(filter %.c,$(C_FILES))
	@printf '%s\n' -std=c11 -D_GNU_SOURCE -I$(CURDIR)/runtime -I$(CURDIR)/$(BUILD) $(shell pkg-config --cflags luajit $(LIBS_PC)) \
	  '-DMOONTIDE_PREFIX=""' '-DMOONTIDE_VERSION=""' >$(BUILD)/compile_flags.txt
	@printf '%s\n' $(SOURCES) | xargs -P $(JOBS) -n 8 clang-tidy --quiet -p $(BUILD) --warnings-as-errors='*' 2>/dev/null

docs: all                 ## docs/api.md from the annotations, docs/commands.md from the tables of options, docs/indicators
	@$(BINARY) script docs/generate_api.lua > $(BUILD)/api.md && mv $(BUILD)/api.md docs/api.md
	@$(BINARY) script docs/generate_commands.lua > $(BUILD)/commands.md && mv $(BUILD)/commands.md docs/commands.md
	@mkdir -p docs/indicators && $(BINARY) script docs/generate_indicators.lua

SHARE = $(DESTDIR)$(PREFIX)/share
UNIT_DIR ?= $(PREFIX)/lib/systemd/system
ZSH_DIR ?= $(PREFIX)/share/zsh/site-functions
install: all install-files  ## install to $(DESTDIR)$(PREFIX): program, docs, manual page, completion, systemd unit

install-files: $(BINARY)
	install -d $(DESTDIR)$(PREFIX)/bin $(SHARE)/moontide $(SHARE)/doc/moontide $(SHARE)/man/man1 $(DESTDIR)$(UNIT_DIR) \
	  $(SHARE)/bash-completion/completions $(DESTDIR)$(ZSH_DIR)
	install -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/moontide
	cp -R lua strategies examples $(SHARE)/moontide/
	cp -R README.md CHANGELOG.md $(filter-out %.lua,$(wildcard docs/*)) $(SHARE)/doc/moontide/
	$(BINARY) script docs/generate_man.lua >$(SHARE)/man/man1/moontide.1
	$(BINARY) completion bash >$(SHARE)/bash-completion/completions/moontide
	$(BINARY) completion zsh >$(DESTDIR)$(ZSH_DIR)/_moontide
	sed 's|@PREFIX@|$(PREFIX)|' .packaging/moontide@.service >$(DESTDIR)$(UNIT_DIR)/moontide@.service
	[ ! -e build/page/installed ] || { install -d $(SHARE)/moontide/page && \
	  find build/page -maxdepth 1 -type f -exec install -m 644 {} $(SHARE)/moontide/page/ \; ; }

uninstall:                ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/moontide $(SHARE)/man/man1/moontide.1 $(SHARE)/bash-completion/completions/moontide \
	  $(DESTDIR)$(ZSH_DIR)/_moontide $(DESTDIR)$(UNIT_DIR)/moontide@.service
	rm -rf $(SHARE)/moontide $(SHARE)/doc/moontide

# In a copy of what git knows, since a package has its debian folder at the top.
DEB_TREE = $(BUILD)/deb/moontide
deb:                      ## build build/moontide.deb (debhelper)
	@$(MAKE) --no-print-directory deps PACKAGES="$(PACKAGES) debhelper dpkg-dev fakeroot"
	@rm -rf $(BUILD)/deb && mkdir -p $(DEB_TREE)
	@git ls-files -z | xargs -0 cp -p --parents -t $(DEB_TREE)
	@cp -R .packaging/debian $(DEB_TREE)/debian
	@sed -i 's/@BUILD_DEPENDS@/$(shell echo $(filter lib% pkg-config zlib1g-dev uthash-dev lua-cjson,$(PACKAGES)) | sed 's/ /, /g')/' $(DEB_TREE)/debian/control
	@printf 'moontide (%s) stable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- The Moontide authors <moontide@example.org>  %s\n' \
	  '$(VERSION)' "$$(git log -1 --format=%aD 2>/dev/null || date -R)" >$(DEB_TREE)/debian/changelog
	@[ ! -e build/page/installed ] || { mkdir -p $(DEB_TREE)/build && cp -Rp build/page $(DEB_TREE)/build/ && rm -rf $(DEB_TREE)/build/page/npm; }
	@cd $(DEB_TREE) && env -u MAKEFLAGS -u MAKELEVEL -u BUILD dpkg-buildpackage -b -us -uc >../log 2>&1 || { tail -30 ../log; exit 1; }
	@cp $(BUILD)/deb/moontide_*.deb $(BUILD)/moontide.deb
	@echo "$(BUILD)/moontide.deb: $$(dpkg-deb -f $(BUILD)/moontide.deb Version Architecture | tr '\n' ' ')"

clean:                    ## remove what was built
	rm -rf build build-asan build-tsan

help:                     ## this list
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## (.*)/  \1\t\2/' | expand -t 14

$(BINARY): $(OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(OBJECTS) $(LDLIBS)

$(BUILD)/obj/%.o: runtime/%.c
	$(call say,CC,$*.c)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 $(CPPFLAGS) $(CFLAGS) $(HARDENING) $(WARN) -MMD -MP -c -o $@ $<

$(BUILD)/obj/script/lua_host.o: $(BUILD)/cdef.inc $(BUILD)/version

# Written only when it changes, so that a new tag or prefix reaches the program.
$(BUILD)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION) $(PREFIX)' | cmp -s - $@ || echo '$(VERSION) $(PREFIX)' >$@
FORCE:

# The headers as LuaJIT's FFI reads them, one C string literal a line.
$(BUILD)/cdef.inc: $(wildcard runtime/*/*.h runtime/*/*/*.h) runtime/script/cdef.h
	@mkdir -p $(@D)
	$(call say,CDEF,$@)
	$(Q)$(CC) -E -P -nostdinc -Iruntime/script/shim -Iruntime runtime/script/cdef.h > $(BUILD)/cdef.txt
	$(Q)sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/"&\\n"/' $(BUILD)/cdef.txt > $@

$(TESTING): $(wildcard runtime/testing/*.c runtime/*/*.h runtime/*/*/*.h)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)cat runtime/testing/api_fuzz.h runtime/testing/order_sim.h runtime/testing/virtual_network.h | $(CC) -E -P -nostdinc -Iruntime/script/shim -Iruntime - > $(BUILD)/testing_cdef.txt
	$(Q)$(CC) -std=c11 $(CPPFLAGS) $(CFLAGS) $(WARN) -fPIC -shared -o $@ $(wildcard runtime/testing/*.c)

$(BUILD)/bench_loop: spec/bench/loop.c $(BUILD)/obj/data/series.o
	$(call say,CC,$<)
	$(Q)$(CC) -std=c11 $(CPPFLAGS) $(CFLAGS) $(WARN) -o $@ $< -lm

$(BUILD)/bench_limits: spec/bench/limits.c $(filter $(BUILD)/obj/api/% $(BUILD)/obj/base/% $(BUILD)/obj/trade/%,$(OBJECTS))
	$(call say,CC,$<)
	$(Q)$(CC) -std=c11 $(CPPFLAGS) $(CFLAGS) $(WARN) -o $@ $^ -lz -lm

$(BUILD)/bench_http: spec/bench/http.c
	$(call say,CC,$<)
	$(Q)$(CC) -std=c11 $(CPPFLAGS) $(CFLAGS) $(WARN) -o $@ $< -lcurl

$(BUILD)/bench_fanout: spec/bench/fanout.c
	$(call say,CC,$<)
	$(Q)$(CC) -std=c11 $(CPPFLAGS) $(CFLAGS) $(WARN) -o $@ $<

# One program a reader of foreign bytes. All of the runtime that is no Lua's, with libFuzzer's counters, is a library of its own.
FUZZ_FLAGS = -std=c11 $(CPPFLAGS) -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_OBJECTS := $(patsubst runtime/%.c,$(BUILD)/fuzz/obj/%.o,$(filter-out runtime/cli/% runtime/script/%,$(SOURCES)))
FUZZ_TARGETS := $(patsubst spec/fuzz/%.c,%,$(wildcard spec/fuzz/*.c))

$(BUILD)/fuzz/obj/%.o: runtime/%.c
	$(call say,FUZZ,$*.c)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/runtime.a: $(FUZZ_OBJECTS)
	$(Q)rm -f $@ && ar rcs $@ $^

$(FUZZ_TARGETS:%=$(BUILD)/fuzz/%): $(BUILD)/fuzz/%: spec/fuzz/%.c spec/fuzz/fuzz.h $(BUILD)/fuzz/runtime.a
	$(call say,FUZZ,$@)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -Ispec/fuzz -o $@ $< $(BUILD)/fuzz/runtime.a \
	  $(shell pkg-config --libs $(LIBS_PC)) -lcsv -lwslay -lhttp_parser -lm

-include $(OBJECTS:.o=.d) $(FUZZ_OBJECTS:.o=.d)
