-- Prints what a simulation of orders finds: `moontide script spec/mutants/orders.lua SEED ORDERS`, from the tree's root.
package.path = "./?.lua;" .. package.path
local C = require "spec.support.testing_lib"
local ffi = require "ffi"

local seed, orders = ...
local o = ffi.new("struct order_sim_options", { seed = tonumber(seed), orders = tonumber(orders) })
local report, text = ffi.new "struct order_sim_report", ffi.new "char[300]"
local findings = tonumber(C.order_sim(o, report, text, 300))
print(("%d findings %s"):format(findings, ffi.string(text)))
