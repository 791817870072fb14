std = "luajit"
max_line_length = false
read_globals = { "api", "market", "log" }
files["spec"] = { std = "+busted" }
files["lua/moontide/strategy.lua"] = { ignore = { "212" } }
