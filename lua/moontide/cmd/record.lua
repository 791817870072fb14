---`moontide record`: a market's streams into segments.
local cmd = require "moontide.cmd"
local connect = require "moontide.live.connect"
local host = require "moontide.lua_host"
local live_groups = require "moontide.options.live_groups"
local option_table = require "moontide.options"
local recorder = require "moontide.data.market_recorder"

local DEFAULT = "bookTicker,depth,aggTrades,markPrice,liquidations"
local ORDER = { "bookTicker", "depth", "aggTrades", "trades", "markPrice", "liquidations" }

local function stream_list(text)
  local seen, list = {}, {}
  for name in text:gmatch "[^,%s]+" do
    if not recorder.streams[name] then
      return nil, ("no stream '%s'; there are %s"):format(name, table.concat(ORDER, ", "))
    end
    if not seen[name] then list[#list + 1] = name end
    seen[name] = true
  end
  if #list == 0 then return nil, "expected streams, such as depth,aggTrades" end
  return list
end

local M = {
  usage = "record SYMBOL... [--streams S,S] [--to DIR] [options]",
  arguments = { name = "SYMBOL", what = "symbol", min = 1, max = 50, type = "symbol" },
  options = {
    {
      name = "streams",
      type = "text",
      value = "S,S",
      check = stream_list,
      shown = DEFAULT,
      help = "what is recorded: " .. table.concat(ORDER, ", "),
    },
    {
      name = "to",
      type = "folder",
      value = "DIR",
      shown = "market",
      help = "the folder of the segments; made when it is not there",
    },
    {
      name = "rotate-size",
      type = "number",
      value = "MB",
      min = 0.001,
      max = 100000,
      default = 256,
      help = "a new segment when one has so many megabytes",
    },
    {
      name = "rotate-time",
      type = "duration",
      unit = "s",
      value = "S",
      min = 1,
      max = 86400,
      default = 86400,
      help = "a new segment at each multiple of so many seconds since 1970; 86400: each day, UTC",
    },
    {
      name = "for",
      type = "duration",
      unit = "s",
      value = "S",
      min = 0.1,
      max = 1e9,
      help = "end after so many seconds; else at Ctrl-C",
    },
    { name = "events", type = "integer", value = "N", min = 1, help = "end after N messages" },
    live_groups.connection,
    option_table.pick(live_groups.streams, { "stream-silence" }),
  },
}

---@param options table
---@return integer status
function M.run(options)
  local rest, streams = connect.addresses(options, false)
  local folder = options.to or "market"
  if not host.list_folder(folder) then
    local ok, problem = host.make_folder(folder)
    if not ok then cmd.fail(1, "cannot make the folder %s: %s", folder, problem) end
  end
  local symbols, seen = {}, {}
  for _, symbol in ipairs(options) do
    symbol = symbol:upper()
    if not symbol:find "^[%w_]+$" then cmd.fail(2, "'%s' is not a symbol", symbol) end
    if not seen[symbol] then symbols[#symbols + 1] = symbol end
    seen[symbol] = true
  end
  local r = recorder.new {
    symbols = symbols,
    streams = options.streams or stream_list(DEFAULT),
    rest = rest,
    stream_url = streams,
    folder = folder,
    rotate_bytes = options["rotate-size"] * 1e6,
    rotate_s = options["rotate-time"],
    seconds = options["for"],
    events = options.events,
    proxy = options.proxy,
    ca_file = options["ca-file"],
    silence_s = options["stream-silence"],
    notice = function(line) io.stderr:write("note: ", line, "\n") end,
  }
  r:run()
  print(
    ("%d messages, %d gaps in %d segment%s, %.0f bytes, in %s"):format(
      r.messages,
      r.gaps,
      r.segments,
      r.segments == 1 and "" or "s",
      r.bytes,
      folder
    )
  )
  return 0
end

return M
