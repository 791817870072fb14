---Texts by the columns of the screen that they take, which are neither their bytes nor always their characters.
local M = {}

local CHARACTER = "[%z\1-\127\194-\244][\128-\191]*"

-- Characters that take two columns of the screen: CJK (there are symbols of them), full-width forms, pictures.
local wide = {
  { 0x1100, 0x115f },
  { 0x2e80, 0xa4cf },
  { 0xac00, 0xd7a3 },
  { 0xf900, 0xfaff },
  { 0xfe30, 0xfe4f },
  { 0xff00, 0xff60 },
  { 0xffe0, 0xffe6 },
  { 0x1f300, 0x1faff },
  { 0x20000, 0x3fffd },
}

local function columns_of(character)
  if #character < 3 then return 1 end
  local code = character:byte() % (#character == 3 and 16 or 8)
  for i = 2, #character do
    code = code * 64 + character:byte(i) % 64
  end
  for _, range in ipairs(wide) do
    if code <= range[2] then return code >= range[1] and 2 or 1 end
  end
  return 1
end

---How many columns of the screen a text takes.
---@param text string of UTF-8, one line
---@return integer
function M.width_of(text)
  local count = select(2, text:gsub("[^\128-\191]", ""))
  if not text:find "[\225-\244]" then return count end
  for character in text:gmatch "[\225-\244][\128-\191]*" do
    count = count + columns_of(character) - 1
  end
  return count
end

---A text filled up with blanks.
---@param text string
---@param width integer columns
---@param right boolean? it stands at the right
---@return string
function M.pad(text, width, right)
  local room = (" "):rep(width - M.width_of(text))
  return right and room .. text or text .. room
end

---Columns: the first to the left, the others to the right, two blanks between them.
---@param rows string[][] cells
---@return string[] lines
function M.aligned(rows)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do
      widths[i] = math.max(widths[i] or 0, M.width_of(cell))
    end
  end
  for k, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do
      cells[i] = M.pad(cell, widths[i], i > 1)
    end
    lines[k] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  return lines
end

---A text of no more columns than a width, ended by … where something is left out.
---@param text string
---@param width integer
---@return string
function M.cut(text, width)
  if M.width_of(text) <= width then return text end
  local kept, count = {}, 0
  for character in text:gmatch(CHARACTER) do
    count = count + columns_of(character)
    if count >= width then break end
    kept[#kept + 1] = character
  end
  return table.concat(kept) .. "…"
end

return M
