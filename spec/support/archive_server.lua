-- The public archive for specs: an S3 listing and the files of a folder, with the habits of the real one.
--   moontide script spec/support/archive_server.lua FOLDER       prints its port
-- FOLDER/data/... are the files; an ETag is made of the bytes, a CHECKSUM too where no such file lies there.
-- FOLDER/faults is read for each request, a word and numbers a line:
--   page N           keys a page of a listing (1000)
--   refuse N STATUS  every Nth request is answered so (403)
--   cut N BYTES      every Nth file ends after so many bytes
--   reset N          every Nth request is cut off without an answer
--   slow BYTES       a file comes in pieces of so many bytes
package.path = "./?.lua;" .. package.path
local host = require "moontide.lua_host"
local peer = require "spec.support.peer"

local folder = ...

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read "*a"
  if file then file:close() end
  return text
end

local function faults()
  local out = { page = { 1000 } }
  for line in (read(folder .. "/faults") or ""):gmatch "[^\n]+" do
    local numbers = {}
    for n in line:gmatch " (%d+)" do
      numbers[#numbers + 1] = tonumber(n)
    end
    out[line:match "^%a+"] = numbers
  end
  return out
end

-- Every file below the folder, as the bucket names it, with the CHECKSUMs between.
local function keys()
  local pipe = io.popen(("cd '%s' && find data -type f -printf '%%p %%s\n' | LC_ALL=C sort"):format(folder))
  local list, seen = {}, {}
  for line in pipe:lines() do
    local name, size = line:match "^(%S+) (%d+)$"
    list[#list + 1] = { key = name, size = tonumber(size) }
    seen[name] = true
  end
  pipe:close()
  for i = 1, #list do
    local sum = list[i].key .. ".CHECKSUM"
    if list[i].key:find "%.zip$" and not seen[sum] then list[#list + 1] = { key = sum, size = 99 } end
  end
  table.sort(list, function(a, b) return a.key < b.key end)
  return list
end

local function etag(text) return '"' .. host.sha256(text):sub(1, 32) .. '"' end

local function unescape(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function listing(query, page)
  local prefix, marker =
    unescape(query:match "prefix=([^&]*)" or ""), unescape(query:match "marker=([^&]*)" or "")
  local delimiter = query:find("delimiter=/", 1, true)
  local out, count, prefixes, last, truncated = {}, 0, {}, nil, false
  for _, k in ipairs(keys()) do
    if k.key:sub(1, #prefix) == prefix and k.key > marker then
      local below = delimiter and k.key:match("^(.-/)", #prefix + 1)
      local name = below and prefix .. below or k.key
      if not (below and (prefixes[name] or name <= marker)) then
        if count == page then
          truncated = true
          break
        end
        count, last = count + 1, name
        if below then
          prefixes[name] = true
          out[#out + 1] = ("<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>"):format(name)
        else
          local tag = k.key:find "%.zip$" and etag(read(folder .. "/" .. k.key)) or '"0"'
          out[#out + 1] = ("<Contents><Key>%s</Key><LastModified>2023-02-01T09:05:11.000Z</LastModified><ETag>%s</ETag><Size>%d</Size><StorageClass>STANDARD</StorageClass></Contents>"):format(
            k.key,
            tag:gsub('"', "&quot;"),
            k.size
          )
        end
      end
    end
  end
  return ('<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>data.binance.vision</Name><Prefix>%s</Prefix><Marker>%s</Marker><MaxKeys>%d</MaxKeys><IsTruncated>%s</IsTruncated>%s%s</ListBucketResult>'):format(
    prefix,
    marker,
    page,
    tostring(truncated),
    truncated and delimiter and "<NextMarker>" .. last .. "</NextMarker>" or "",
    table.concat(out)
  )
end

local counts = { request = 0, file = 0 }

local function respond(c, status, headers, body, f)
  local size = #body
  c:write(("HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n"):format(status, size, headers))
  local cut = f.cut and status < 300 and f.is_file and counts.file % f.cut[1] == 0 and f.cut[2]
  body = cut and body:sub(1, cut) or body
  local piece = f.slow and f.is_file and f.slow[1] or size
  for from = 1, #body, math.max(piece, 1) do
    if not c:write(body:sub(from, from + piece - 1)) then return false end
    if f.slow then peer.sleep(0.005) end
  end
  return not (cut and cut < size)
end

local function answer(c, path, head)
  local f = faults()
  counts.request = counts.request + 1
  peer.log("%s %s", path, head:match "[Rr]ange: (bytes=%d+%-)" or "-")
  if f.reset and counts.request % f.reset[1] == 0 then return false end
  if f.refuse and counts.request % f.refuse[1] == 0 then
    return respond(c, f.refuse[2] or 403, "", "<Error><Code>AccessDenied</Code></Error>", f)
  end
  local query = path:match "^/%?(.*)$"
  if query then return respond(c, 200, "Content-Type: application/xml\r\n", listing(query, f.page[1]), f) end
  local name = unescape(path)
  local text = read(folder .. name)
  if not text and name:find "%.CHECKSUM$" then
    local zip = read(folder .. name:match "^(.*)%.CHECKSUM$")
    text = zip and ("%s  %s\n"):format(host.sha256(zip), name:match "([^/]+)%.CHECKSUM$")
  end
  if not text then return respond(c, 404, "", "<Error><Code>NoSuchKey</Code></Error>", f) end
  f.is_file = name:find "%.zip$" ~= nil
  if f.is_file then counts.file = counts.file + 1 end
  local tag = etag(text)
  local from = tonumber(head:match "[Rr]ange: bytes=(%d+)%-")
  if from and head:match 'If%-Range: (".-")' == tag then
    if from >= #text then return respond(c, 416, "", "", f) end
    local range = ("Content-Range: bytes %d-%d/%d\r\nETag: %s\r\n"):format(from, #text - 1, #text, tag)
    return respond(c, 206, range, text:sub(from + 1), f)
  end
  return respond(c, 200, "ETag: " .. tag .. "\r\n", text, f)
end

local port = peer.listen(function(c)
  while true do
    local head = c:head()
    if not head or not answer(c, head:match "^%u+ (%S+)", head) then return end
  end
end)
peer.log("ports %d", port)
peer.run()
