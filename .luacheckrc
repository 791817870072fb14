std = "luajit"
max_line_length = false
read_globals = { "api", "market", "log", "plot" }
files["spec"] = { std = "+busted" }
files["lua/moontide/run/strategy.lua"] = { ignore = { "212" } }
-- What is built at run time, described for editors: functions without bodies.
files["lua/moontide/meta"] = { globals = { "api", "market", "log", "plot" }, ignore = { "212", "241" } }
files["lua/moontide/template"] = { std = "+busted", read_globals = { "PRICE" } }
files["examples/**/*_spec.lua"] = { std = "+busted" }
