-- coverage.lua: which lines of the pure rooms each spec file runs, by a build that counts them (gcc --coverage, gcov).
local M = {}

local BUILD = "CFLAGS='-O1 --coverage' LDFLAGS='-rdynamic --coverage' HARDENING= HARDENED_LINK="

---@class Covered what one spec file does when nothing is changed
---@field file string
---@field stem string `limiter` of spec/api/limiter_spec.lua
---@field cpu_s number processor seconds, of the build that counts
---@field lines table<string, table<integer, boolean>> by path: the lines it runs
---@field known table<string, table<integer, boolean>> by path: the lines that are code

-- gcov's text of many files, each `Source:` and then `count:line:text`.
local function parse(text)
  local lines, known, path = {}, {}, nil
  for row in text:gmatch "[^\n]+" do
    local source = row:match "^%s*%-:%s*0:Source:(.+)$"
    if source then
      path = source
      lines[path], known[path] = lines[path] or {}, known[path] or {}
    elseif path then
      local count, line = row:match "^%s*([%d#=]+)%*?:%s*(%d+):"
      if count then
        known[path][tonumber(line)] = true
        if count:match "^%d" then lines[path][tonumber(line)] = true end
      end
    end
  end
  return lines, known
end

-- Numbers in order as `3 7-9 12`, and back.
local function packed(set)
  local numbers, out = {}, {}
  for n in pairs(set) do
    numbers[#numbers + 1] = n
  end
  table.sort(numbers)
  local first
  for i, n in ipairs(numbers) do
    first = first or n
    if numbers[i + 1] ~= n + 1 then
      out[#out + 1] = first == n and tostring(n) or first .. "-" .. n
      first = nil
    end
  end
  return table.concat(out, " ")
end

local function unpacked(text)
  local set = {}
  for first, last in text:gmatch "(%d+)%-?(%d*)" do
    for n = tonumber(first), tonumber(last) or tonumber(first) do
      set[n] = true
    end
  end
  return set
end

local function save(path, key, spec)
  local file = assert(io.open(path, "wb"))
  file:write(("%s\n%s %.2f\n"):format(key, spec.passes and "passes" or "left out", spec.cpu_s))
  for source, known in pairs(spec.known) do
    file:write(("%s\n%s\n%s\n"):format(source, packed(spec.lines[source]), packed(known)))
  end
  file:close()
end

local function load(path, key)
  local file = io.open(path, "rb")
  if not file then return nil end
  local next_line = file:lines()
  local spec = { lines = {}, known = {} }
  if next_line() ~= key then
    file:close()
    return nil
  end
  local word, cpu_s = next_line():match "^(.*) ([%d.]+)$"
  spec.passes, spec.cpu_s = word == "passes", tonumber(cpu_s)
  for source in next_line do
    spec.lines[source], spec.known[source] = unpacked(next_line()), unpacked(next_line())
  end
  file:close()
  return spec
end

---Runs every spec file once in a copy of the tree that counts, and says what each ran. What is known from an earlier run of the
---same tree and spec is taken from FOLDER/covered.
---@param o { folder: string, rooms: string[], files: string[], copy: fun(tree: string, build: string), run: function, command: fun(tree: string, file: string, wall_s: integer): string, dear_s: number }
---@return Covered[]
function M.of(o)
  local tree, out, built = o.folder .. "/counting", {}, false
  local function must(command)
    local status, text = o.run(command)
    if status ~= 0 then error(("%s\n%s"):format(command, text), 0) end
    return text
  end
  local objects = {}
  for i, room in ipairs(o.rooms) do
    objects[i] = ("build/obj/%s/*.gcda"):format(room)
  end
  must(("mkdir -p %s/covered"):format(o.folder))
  local sources =
    must "find runtime lua strategies spec/support -type f | LC_ALL=C sort | xargs cat | sha256sum"
  local keys = {} -- before the copy: the tree may change while the specs run
  for i, file in ipairs(o.files) do
    keys[i] = (sources .. must("sha256sum < " .. file)):gsub("[^%x]", "")
  end
  for i, file in ipairs(o.files) do
    local key = keys[i]
    local kept = ("%s/covered/%s"):format(o.folder, file:gsub("/", "."))
    local spec = load(kept, key)
    if not spec then
      if not built then o.copy(tree, BUILD) end
      built = true
      must(("cd %s && find build -name '*.gcda' -delete"):format(tree))
      local status, text, cpu_s = o.run(o.command(tree, file, 600), o.dear_s)
      spec = { passes = status == 0, cpu_s = cpu_s, lines = {}, known = {} }
      if status == 0 then
        local pipe =
          assert(io.popen(("cd %s && gcov -t %s 2>/dev/null"):format(tree, table.concat(objects, " "))))
        spec.lines, spec.known = parse(pipe:read "*a")
        pipe:close()
      elseif cpu_s < o.dear_s - 1 then
        io.stderr:write(text) -- it fails, and would notice everything
      end
      io.stderr:write(("%7.2f s  %s%s\n"):format(cpu_s, file, spec.passes and "" or "  left out"))
      save(kept, key, spec)
    end
    if spec.passes then
      spec.file, spec.stem = file, file:match "([^/]+)_spec%.lua$"
      out[#out + 1] = spec
    end
  end
  return out
end

-- The line that counts for a place: its own, or for one that is no code of its own (the rest of a statement) the one before it.
local function counted_line(known, line)
  for at = line, math.max(line - 12, 1), -1 do
    if known[at] then return at end
  end
  return line
end

---@return boolean runs whether a spec runs the line of a place
function M.runs(spec, path, line)
  local known = spec.known[path]
  return known ~= nil and spec.lines[path][counted_line(known, line)] == true
end

---Writes the lines that are code and that no spec runs, as `path: 3 7-9`.
function M.write_unrun(specs, path)
  local unrun = {}
  for _, spec in ipairs(specs) do
    for source, known in pairs(spec.known) do
      unrun[source] = unrun[source] or known
      local rest = {}
      for line in pairs(unrun[source]) do
        if not spec.lines[source][line] then rest[line] = true end
      end
      unrun[source] = rest
    end
  end
  local sources, file = {}, assert(io.open(path, "wb"))
  for source in pairs(unrun) do
    sources[#sources + 1] = source
  end
  table.sort(sources)
  for _, source in ipairs(sources) do
    if next(unrun[source]) then file:write(("%s: %s\n"):format(source, packed(unrun[source]))) end
  end
  file:close()
end

return M
