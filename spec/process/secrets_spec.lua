local ffi = require "ffi"
local C = require "spec.support.c"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

describe("secrets", function()
  local folder
  before_each(function() folder = run.folder() end)
  after_each(function() run.remove(folder) end)

  local function private(name, text)
    local path = run.write(folder .. "/" .. name, text)
    os.execute("chmod 600 " .. path)
    return path
  end

  local function read(path)
    local s, message = ffi.new "struct secrets", ffi.new "struct errmsg"
    local status = C.secrets_read(path, s, message)
    if status ~= 0 then return nil, ffi.string(message.text) end
    local found = { ffi.string(s.key), ffi.string(s.secret), s.kind }
    C.secrets_wipe(s)
    assert.equal(nil, s.secret ~= nil or nil)
    return found
  end

  it("come from a file of their owner's alone, a table with nothing at hand", function()
    assert.same({ "K", "S", C.KEY_HMAC }, read(private("a", 'return { key = "K", secret = "S" }')))
    assert.same(
      { "K", "S", C.KEY_ED25519 },
      read(private("b", 'return { key = "K", secret = "S", kind = "ed25519" }'))
    )
    for text, problem in pairs {
      ['return { key = "K-hidden" }'] = "must return { key",
      ['return os.getenv "HOME"'] = "must return { key",
      ["secret-hidden ="] = "must return { key",
      ['return { key = "K", secret = "S-hidden", kind = "dsa" }'] = "kind is hmac, rsa or ed25519",
      ["\27LJ hidden"] = "must return { key",
    } do
      local _, message = read(private("c", text))
      assert.truthy(message:find(problem, 1, true), message)
      assert.falsy(message:find "hidden", message)
    end
    local path = private("d", 'return { key = "K", secret = "S" }')
    os.execute("chmod 640 " .. path)
    local _, message = read(path)
    assert.truthy(message:find("others may read it; chmod 600", 1, true), message)
    _, message = read(folder .. "/none")
    assert.truthy(message:find("no such file", 1, true), message)
    _, message = read(folder)
    assert.truthy(message:find("not a file", 1, true), message)
  end)

  it(
    "a private key in a file signs, of whatever kind it is; the secret is gone from the environment before the script's first line",
    function()
      local x = lx.start { "--symbols", "BTCUSDT" }
      finally(function() x:stop() end)
      local script = run.write(
        folder .. "/s.lua",
        'print(api.get_account_info() ~= nil, os.getenv and os.getenv "MOONTIDE_API_SECRET" or nil)'
      )
      local home = "MOONTIDE_HOME=" .. folder .. "/home "
      local r = run.moontide({ "live", script, "--url", x.url, "--trusted" }, home .. x:environment())
      assert.equal("true\tnil\n", r.out, r.err)
      os.execute(
        ("openssl genpkey -algorithm ed25519 -out %s/ed.pem 2>/dev/null; openssl genrsa -out %s/rsa.pem 2048 2>/dev/null; chmod 600 %s/*.pem"):format(
          folder,
          folder,
          folder
        )
      )
      for _, name in ipairs { "ed", "rsa" } do
        -- Not a key of this exchange: it is asked for by its name, and refused there, so it has signed.
        r = run.moontide(
          { "doctor", "--url", x.url },
          home .. ("MOONTIDE_API_KEY=%s MOONTIDE_PRIVATE_KEY_FILE=%s/%s.pem"):format(x.key, folder, name)
        )
        assert.truthy(r.out:find "FAIL  key +answered 4%d%d", r.out .. r.err)
      end
      local bad = private("bad.pem", "-----BEGIN NOTHING-----")
      r = run.moontide(
        { "doctor", "--url", x.url },
        home .. ("MOONTIDE_API_KEY=%s MOONTIDE_PRIVATE_KEY_FILE=%s"):format(x.key, bad)
      )
      assert.equal(1, r.status)
      assert.truthy(r.err:find("no RSA or Ed25519 private key as PEM", 1, true), r.err)
      r = run.moontide({ "doctor", "--url", x.url }, home .. "MOONTIDE_API_KEY=K")
      assert.truthy(r.err:find("MOONTIDE_API_KEY is set and MOONTIDE_API_SECRET is not", 1, true), r.err)
    end
  )
end)
