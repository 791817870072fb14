---Charts as text, for scripts and the REPL: candles with volume, lines, trades, over one axis of time.
local C = require "moontide.core"
local chart = require "moontide.plot.chart"
local host = require "moontide.lua_host"
local layers = require "moontide.plot.layers"
local palette = require "moontide.palette"

local M = {}

local WIDTH, WIDTH_MOST = 80, 1000

---Columns of the terminal at standard output; where there is none, or COLUMNS says otherwise, that, else 80.
---@return integer
local function columns()
  local said = tonumber(os.getenv "COLUMNS" or "")
  if said and said >= 1 then return math.min(WIDTH_MOST, math.floor(said)) end
  return host.isatty(1) and C.terminal_columns(nil) or WIDTH
end

---@class PlotChart: Chart
---@field layers PlotLayer[]
---@field title string?
---@field width integer?
---@field width_most integer?
---@field height integer?
---@field color boolean?
local Chart = {}
Chart.__index = Chart
Chart.__metatable = false -- a sandboxed script reaches nothing through it

local function size(options, name, most)
  local v = options[name]
  if v == nil then return nil end
  if type(v) ~= "number" or v ~= math.floor(v) or v < 1 or v > most then
    error(("plot: %s is a whole number from 1 to %d"):format(name, most), 3)
  end
  return v
end

local function new(what, options)
  if what == nil then
    error(
      options ~= nil and ("plot has nothing to draw: %s"):format(tostring(options))
        or "plot has nothing to draw",
      2
    )
  end
  local list, problem = layers.read(what)
  if not list then error(problem, 2) end
  options = options or what
  if type(options) ~= "table" then error('plot: options are a table, as { title = "..." }', 2) end
  local title = options.title
  if title ~= nil then title = tostring(title):gsub("%c", " ") end
  return setmetatable({
    layers = list,
    title = title,
    width = size(options, "width", WIDTH_MOST),
    height = size(options, "height", 200),
    color = options.color,
  }, Chart)
end

---As the global `plot` of scripts (moontide/meta/script.lua).
---@param what table
---@param options PlotOptions?
---@return Chart
function M.chart(what, options) return new(what, options) end

---A chart of layers that are read by functions, for lists too long to be made into tables. As `chart`.
---@param list PlotLayer[]
---@param options { title: string?, height: integer?, width_most: integer? }
---@return Chart
function M.of_layers(list, options)
  return setmetatable({
    layers = list,
    title = options.title,
    height = options.height,
    width_most = options.width_most,
  }, Chart)
end

function Chart:text(o)
  o = o or {}
  local colored = self.color
  if colored == nil then colored = o.color end
  if colored == nil then colored = palette.enabled(1) end
  local width = self.width or math.min(o.width or columns(), self.width_most or WIDTH_MOST)
  return chart.text(self, width, colored and true or false)
end

function Chart:__tostring() return self:text() end

-- Told from other values by the REPL, which knows its own screen.
function M.is_chart(v) return type(v) == "table" and debug.getmetatable(v) == Chart end

return setmetatable(M, { __call = function(_, what, options) return new(what, options) end })
