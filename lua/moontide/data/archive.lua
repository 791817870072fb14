---The public archive: what its listing says is there, and fetching a file of it so that it is whole, and what its CHECKSUM says.
local ffi = require "ffi"
local C = require "moontide.core"

local M = {
  FILES = "https://data.binance.vision",
  LISTING = "https://s3-ap-northeast-1.amazonaws.com/data.binance.vision",
}

local DIGEST_TRIES = 3

---@class ArchiveFile
---@field key string whole: data/futures/um/...
---@field name string
---@field size number
---@field etag string

---@class Archive
---@field pool TransferPool
---@field files string URL
---@field listing string URL
local Archive = {}
Archive.__index = Archive

---@param pool TransferPool
---@param files string? --archive
---@param listing string? --listing; that of the archive when it is not the public one
---@return Archive
function M.new(pool, files, listing)
  return setmetatable({
    pool = pool,
    files = files or M.FILES,
    listing = listing or files or M.LISTING,
  }, Archive)
end

local function escape(text)
  return (text:gsub("[^%w%-_%.~/]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function page(url, body, take)
  local l, message = ffi.new "struct bucket_listing", ffi.new "struct errmsg"
  local bad = C.listing_read(body, #body, l, message) ~= 0
  local problem = bad and ("%s: %s"):format(url, ffi.string(message.text)) or nil
  local last
  if not bad then
    for i = 0, l.count - 1 do
      last = ffi.string(l.keys[i].key)
      take(last, l.keys[i])
    end
    for i = 0, l.prefix_count - 1 do
      local prefix = ffi.string(l.prefixes[i].key)
      if not last or prefix > last then last = prefix end
      take(prefix)
    end
  end
  local marker = ffi.string(l.next_marker)
  local more = not bad and l.truncated
  C.listing_free(l)
  return problem, more and (marker ~= "" and marker or last) or nil
end

-- Every page of a listing. What a page says twice, or a server that goes round in a circle, ends it.
local function each(self, prefix, delimiter, marker, take)
  local begin = ("%s/?prefix=%s%s"):format(self.listing, escape(prefix), delimiter and "&delimiter=/" or "")
  while true do
    local url = begin .. (marker and "&marker=" .. escape(marker) or "")
    local body, problem = self.pool:get(url)
    if not body then return problem end
    local nothing, next_marker = page(self.listing, body, take)
    if nothing then return nothing end
    if not next_marker then return nil end
    if marker and next_marker <= marker then
      return ("%s: its listing goes round in a circle at %s"):format(self.listing, next_marker)
    end
    marker = next_marker
  end
end

---The zips below a prefix, by name; within a task.
---@param prefix string
---@param after string? a name: only later ones
---@return ArchiveFile[]? files sorted by name
---@return string? problem
function Archive:list(prefix, after)
  local files, sums = {}, {}
  local problem = each(self, prefix, false, after and prefix .. after, function(key, k)
    local name = k and key:sub(1, #prefix) == prefix and key:sub(#prefix + 1)
    if not name or name:find "/" then return end
    if name:find "%.zip$" then
      files[#files + 1] = { key = key, name = name, size = tonumber(k.size), etag = ffi.string(k.etag) }
    elseif name:find "%.zip%.CHECKSUM$" then
      sums[name:match "^(.*)%.CHECKSUM$"] = true
    end
  end)
  if problem then return nil, problem end
  for _, file in ipairs(files) do
    file.summed = sums[file.name] or false
  end
  table.sort(files, function(a, b) return a.name < b.name end)
  return files
end

---The folders below a prefix; within a task.
---@param prefix string
---@return string[]? names
---@return string? problem
function Archive:folders(prefix)
  local names = {}
  local problem = each(self, prefix, true, nil, function(key)
    local name = key:sub(1, #prefix) == prefix and key:sub(#prefix + 1):match "^([^/]+)/$"
    if name then names[#names + 1] = name end
  end)
  if problem then return nil, problem end
  table.sort(names)
  return names
end

---What the CHECKSUM of a file says; within a task.
---@param file ArchiveFile
---@return string? digest nil: there is none, or `problem` says what is wrong
---@return string? problem
function Archive:checksum(file)
  local body, problem, status = self.pool:get(self.files .. "/" .. escape(file.key) .. ".CHECKSUM")
  if not body then
    if status == 404 and not file.summed then return nil end
    return nil, problem
  end
  local digest, name = body:match "^%s*(%x+)%s+%*?(%S+)"
  if not digest or #digest ~= 64 or name ~= file.name then
    return nil, ("%s.CHECKSUM: holds no digest of that file"):format(file.key)
  end
  return digest:lower()
end

local function digest_of(path)
  local out = ffi.new "char[65]"
  return C.disk_digest(path, out) and ffi.string(out) or nil
end
M.digest_of = digest_of

-- The hidden name under which a version of a file comes in: another ETag is another file.
local function part_name(folder, file)
  return ("%s/.%s.%s.part"):format(folder, file.name, file.etag:gsub("[^%w]", ""))
end

---Puts a file into a folder: whole, and as its CHECKSUM says, or not at all; within a task.
---@param file ArchiveFile
---@param folder string it is there
---@param known string? the digest of its CHECKSUM, when it was asked for
---@return string? digest
---@return string? problem
---@return boolean? unsummed the archive has no CHECKSUM of it
function Archive:fetch(file, folder, known)
  local part, message, problem = part_name(folder, file), ffi.new "struct errmsg", nil
  for try = 1, DIGEST_TRIES do
    local want = known
    known = nil
    if not want then
      want, problem = self:checksum(file)
      if problem then return nil, problem end
    end
    local t = {
      url = self.files .. "/" .. escape(file.key),
      path = part,
      etag = file.etag ~= "" and file.etag or nil,
      size = try == 1 and file.size or 0,
    }
    self.pool:await { t }
    if not t.ok then return nil, t.problem end
    local got = digest_of(part)
    if got and (got == want or not want) then
      local path = folder .. "/" .. file.name
      local sum = ("%s  %s\n"):format(got, file.name)
      if
        C.disk_write(path .. ".CHECKSUM", sum, #sum, message) ~= 0
        or C.disk_keep(part, path, message) ~= 0
      then
        return nil, ffi.string(message.text)
      end
      return got, nil, not want
    end
    os.remove(part)
    problem = ("%s: its bytes are not those of its CHECKSUM"):format(file.key)
  end
  return nil, problem
end

return M
