---What typed code has at hand beyond the script's globals: `ta`, `rows`, and lists of `api.get_...` that can be asked (list:where{}).
---It stands in a table of its own before the script's globals, so that the script sees none of it.
local rows = require "moontide.repl.rows"

local M = {}

-- The calls that read, whose lists of records become rows. The rest of the table is the one that the script has.
local function asking(api)
  local front = {}
  for name, fn in pairs(api) do
    if type(name) == "string" and name:find "^get_" and type(fn) == "function" then
      front[name] = function(...)
        local reply, err = fn(...)
        return rows.adopt(reply), err
      end
    end
  end
  return setmetatable(front, { __index = api })
end

---Puts what is at hand into an environment of typed code; a global of the script's own goes before.
---@param env table
---@param globals table the script's
---@param api table
function M.fill(env, globals, api)
  rawset(env, "api", asking(api))
  if globals.ta == nil then rawset(env, "ta", require "moontide.ta") end
  if globals.rows == nil then rawset(env, "rows", rows.new) end
end

---An environment for typed code: globals that it sets are the script's.
---@param globals table the script's
---@param api table
---@return table env
function M.over(globals, api)
  local env = setmetatable({}, { __index = globals, __newindex = globals })
  M.fill(env, globals, api)
  return env
end

return M
