---Recorded runs for specs: several at once against one exchange.
local ffi = require "ffi"
local C = require "spec.support.c"
local run = require "spec.support.run"
local host = require "moontide.lua_host"

local M = {}

---Runs scripts live at the same time, each recorded, and waits for all.
---@param x table the exchange (spec.support.local_exchange)
---@param folder string
---@param runs table<string, { script: string, arguments: string?, command: string?, kill: { [1]: string, [2]: integer }?, signal: string?, exchange: table? }> by name; exchange: another one; kill: so many lines with this text in its output, and more of the recording on disk, bring a signal (KILL)
---@return table<string, { script: string, file: string, out: string, err: string, status: integer }>
function M.make(x, folder, runs)
  local lines, results = {}, {}
  for name, r in pairs(runs) do
    local script, file =
      run.write(("%s/%s.lua"):format(folder, name), r.script), ("%s/%s.rec"):format(folder, name)
    local base, at = folder .. "/" .. name, r.exchange or x
    local command = ("MOONTIDE_HOME=%s/home MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s exec %s %s %s --no-supervisor --url %s --record %s %s"):format(
      folder,
      at.key,
      at.secret,
      host.exe,
      r.command or "live",
      script,
      at.url,
      file,
      r.arguments or ""
    )
    local ending = r.kill
        and ([[while [ "$(grep -c -F "%s" %s.out)" -lt %d ] && kill -0 $p; do sleep 0.02; done; s=$(stat -c %%s %s);
          while [ "$(stat -c %%s %s)" -le "$s" ] && kill -0 $p; do sleep 0.02; done; kill -%s $p; ]]):format(
          r.kill[1],
          base,
          r.kill[2],
          file,
          file,
          r.signal or "KILL"
        )
      or ""
    lines[#lines + 1] = ("( sh -c '%s' >%s.out 2>%s.err </dev/null & p=$!; %swait $p; echo $? >%s.status ) &"):format(
      command,
      base,
      base,
      ending,
      base
    )
    results[name] = { script = script, file = file }
  end
  os.execute("exec 2>/dev/null\n" .. table.concat(lines, "\n") .. "\nwait")
  for name, r in pairs(results) do
    local base = folder .. "/" .. name
    r.out, r.err, r.status =
      run.read(base .. ".out"), run.read(base .. ".err"), tonumber(run.read(base .. ".status"):match "%d+")
  end
  return results
end

---Replays a file.
function M.replay(script, file, arguments)
  local all = { "backtest", script, "--replay", file }
  for _, a in ipairs(arguments or {}) do
    all[#all + 1] = a
  end
  return run.moontide(all)
end

---What can be read of a recording: the kinds of its items with their times as one text each, and how it ends. Nil, why
---when it is none.
function M.items(file)
  local out, message = ffi.new "struct run_record_reader *[1]", ffi.new "struct errmsg"
  if C.run_record_open(file, out, message) ~= 0 then return nil, ffi.string(message.text) end
  local item, list = ffi.new "struct run_record", {}
  while C.run_record_next(out[0], item) do
    list[#list + 1] = ("%d/%d %.0f %s"):format(
      item.kind,
      item.kind == C.RUN_RECORD_NEXT and item.next or 0,
      tonumber(item.now_us),
      ffi.string(item.text, item.text_size)
    )
  end
  local ending = C.run_record_end(out[0])
  C.run_record_close(out[0])
  return list, ending
end

return M
