---A field of character cells: glyphs, and dots of braille (two across and four down in a cell), each cell of one colour.
local bit = require "bit"
local palette = require "moontide.palette"

local M = {}

---@class PlotCanvas
---@field columns integer
---@field rows integer
---@field masks table<integer, integer> dots of a cell, by row * columns + column
---@field mask_colours table<integer, PaletteName>
---@field glyphs table<integer, string>
---@field glyph_colours table<integer, PaletteName>
---@field yields table<integer, boolean> glyphs that dots may cover
local Canvas = {}
Canvas.__index = Canvas

---@param columns integer
---@param rows integer
---@return PlotCanvas
function M.new(columns, rows)
  return setmetatable({
    columns = columns,
    rows = rows,
    masks = {},
    mask_colours = {},
    glyphs = {},
    glyph_colours = {},
    yields = {},
  }, Canvas)
end

-- Bits of braille by column, then by row of the dot.
local BITS = { [0] = { [0] = 0x01, 0x02, 0x04, 0x40 }, { [0] = 0x08, 0x10, 0x20, 0x80 } }

local function braille(mask) return string.char(0xe2, 0xa0 + bit.rshift(mask, 6), 0x80 + bit.band(mask, 63)) end

---@param x integer from the left, 0 to 2 * columns - 1
---@param y integer from the top, 0 to 4 * rows - 1
---@param colour PaletteName?
function Canvas:dot(x, y, colour)
  local cell = math.floor(y / 4) * self.columns + math.floor(x / 2)
  self.masks[cell] = bit.bor(self.masks[cell] or 0, BITS[x % 2][y % 4])
  self.mask_colours[cell] = colour
end

---A line of dots between two dots (Bresenham), both included.
---@param x0 integer
---@param y0 integer
---@param x1 integer
---@param y1 integer
---@param colour PaletteName?
function Canvas:line(x0, y0, x1, y1, colour)
  local dx, dy = math.abs(x1 - x0), -math.abs(y1 - y0)
  local sx, sy = x0 < x1 and 1 or -1, y0 < y1 and 1 or -1
  local err = dx + dy
  while true do
    self:dot(x0, y0, colour)
    if x0 == x1 and y0 == y1 then return end
    local e = 2 * err
    if e >= dy then
      err, x0 = err + dy, x0 + sx
    end
    if e <= dx then
      err, y0 = err + dx, y0 + sy
    end
  end
end

---@param column integer
---@param row integer
---@param glyph string one column wide
---@param colour PaletteName?
---@param yields boolean? dots that come into the cell are shown instead
function Canvas:put(column, row, glyph, colour, yields)
  local cell = row * self.columns + column
  self.glyphs[cell], self.glyph_colours[cell], self.yields[cell] = glyph, colour, yields
end

---A row as text, all its columns.
---@param row integer from 0
---@param coloured boolean
---@return string
function Canvas:text(row, coloured)
  local parts, run, run_colour = {}, {}, nil
  local function finish()
    local text = table.concat(run)
    parts[#parts + 1] = coloured and palette.paint(text, run_colour) or text
    run = {}
  end
  for column = 0, self.columns - 1 do
    local cell = row * self.columns + column
    local glyph, mask, colour = self.glyphs[cell], self.masks[cell], nil
    if mask and (not glyph or self.yields[cell]) then
      glyph, colour = braille(mask), self.mask_colours[cell]
    elseif glyph then
      colour = self.glyph_colours[cell]
    end
    if colour ~= run_colour then
      finish()
      run_colour = colour
    end
    run[#run + 1] = glyph or " "
  end
  finish()
  return table.concat(parts)
end

return M
