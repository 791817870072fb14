-- What alert services answer, for specs: `moontide script spec/support/alert_service.lua FOLDER` prints its port.
-- FOLDER/answers is read for each request: "STATUS [RETRY-AFTER]", or "cut" for a connection that is closed without an answer.
-- Each request goes into the log as one line of JSON: path, status, head, body.
package.path = "./?.lua;" .. package.path
local cjson = require "cjson"
local peer = require "spec.support.peer"

local folder = ...

local function planned()
  local file = io.open(folder .. "/answers", "rb")
  local text = file and file:read "*a" or "200"
  if file then file:close() end
  return text
end

local port = peer.listen(function(c)
  local head = c:head()
  local size = head and tonumber(head:lower():match "content%-length: (%d+)")
  local body = size and c:take(size)
  if not body then return end
  local plan = planned()
  local status, wait = plan:match "^(%d+) ?(%d*)"
  peer.log(
    "%s",
    cjson.encode { path = head:match "^POST (%S+)", status = tonumber(status) or 0, head = head, body = body }
  )
  if not status then return end
  local later = wait ~= "" and ("Retry-After: %s\r\n"):format(wait) or ""
  c:write(("HTTP/1.1 %s X\r\nContent-Length: 2\r\nConnection: close\r\n%s\r\n{}"):format(status, later))
end)
peer.log("ports %d", port)
peer.run()
