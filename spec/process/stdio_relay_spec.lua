-- Who reads the output of a live run may stop reading: that holds neither the run nor its supervisor.
local host = require "moontide.lua_host"
local lx = require "spec.support.local_exchange"
local run = require "spec.support.run"

describe("output that nobody reads", function()
  local x, folder
  setup(function() x = lx.start { "--no-limits", "--symbols", "BTCUSDT", "--wallet", "1000000" } end)
  teardown(function() x:stop() end)
  before_each(function() folder = run.folder() end)
  after_each(function() run.remove(folder) end)

  -- Starts a run whose output goes to a reader that waits until a file `read` is there, and keeps what it then reads.
  local function start(script, arguments, both)
    local path = run.write(folder .. "/s.lua", script)
    os.execute(
      ("cd %s; export MOONTIDE_HOME=%s/home MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s; { { '%s' live %s --url %s --recv-window 1000 %s; echo $? >status; } %s | { while [ ! -e read ] && [ -e s.lua ]; do sleep 0.05; done; cat >out; touch through; }; } >/dev/null 2>&1 </dev/null &"):format(
        folder,
        folder,
        x.key,
        x.secret,
        host.exe,
        path,
        x.url,
        arguments,
        both and "2>&1" or "2>err"
      )
    )
  end
  local function status() return tonumber(run.read(folder .. "/status"):match "%d+\n") end
  local function open_orders() return #x:signed("GET", "/fapi/v1/openOrders", { symbol = "BTCUSDT" }).json end
  local function finish()
    run.write(folder .. "/read", "")
    lx.wait_for("the reader", function() return host.file_mode(folder .. "/through") end)
    return run.read(folder .. "/out")
  end

  for _, arguments in ipairs { "--no-supervisor", "" } do
    it(
      "may be closed from the start " .. (arguments == "" and "under a supervisor" or "in a bare worker"),
      function()
        local path = run.write(
          folder .. "/s.lua",
          [[
        for i = 1, 3 do
          print("said", i)
          io.stdout:flush()
          assert(api.get_ticker_price { symbol = "BTCUSDT" })
        end
        local f = io.open("went", "w") f:write "through" f:close() ]]
        )
        local ended = os.execute(
          ("MOONTIDE_HOME=%s/home MOONTIDE_API_KEY=%s MOONTIDE_API_SECRET=%s timeout 60 '%s' live %s --url %s %s >&- 2>&- <&-"):format(
            folder,
            x.key,
            x.secret,
            host.exe,
            path,
            x.url,
            arguments
          )
        )
        assert.equal(0, ended)
        assert.equal("through", run.read(folder .. "/home/runs/s/data/went"))
      end
    )
  end

  local FLOOD = [[ api.sleep(0)
    local t = assert(api.get_ticker_price { symbol = "BTCUSDT" })
    local text = ("x"):rep(200)
    for i = 1, 12000 do
      print(text, i)
      if i %% 500 == 0 then api.sleep(0) end -- slow as the machine may be, it does not hang
    end
    assert(api.create_order { symbol = "BTCUSDT", side = "BUY", type = "LIMIT", quantity = 0.01, price = market.round_price("BTCUSDT", t.price * 0.95) })
    %s ]]

  for _, arguments in ipairs { "--no-supervisor", "" } do
    it(
      "is dropped and told of, and the script goes on "
        .. (arguments == "" and "under a supervisor" or "in a bare worker"),
      function()
        start(
          FLOOD:format [[ io.stderr:write "through\n" local f = io.open("go", "w") f:close() repeat api.sleep(0.05) until io.open "again"  print "again" ]],
          arguments
        )
        lx.wait_for("the script", function() return host.file_mode(folder .. "/home/runs/s/data/go") end)
        assert.equal(1, open_orders())
        assert.truthy(
          run
            .read(folder .. "/err")
            :find("moontide: nobody reads standard output; its lines are dropped\n", 1, true),
          run.read(folder .. "/err")
        )
        run.write(folder .. "/read", "")
        lx.wait_for("the reader to catch up", function() return #run.read(folder .. "/out") > 900000 end)
        run.write(folder .. "/home/runs/s/data/again", "")
        lx.wait_for("the end", status)
        local out = finish()
        assert.equal(0, status())
        assert.equal(0, open_orders())
        local dropped = tonumber(out:match "\nmoontide: (%d+) lines were not written: nobody read them\n")
        local _, written = out:gsub("x\t%d+\n", "")
        assert.is_true(dropped > 100 and math.abs(dropped + written - 12000) <= 1, out:sub(-300))
        assert.truthy(out:find("again\n", 1, true))
      end
    )
  end

  it("does not keep the supervisor from killing a script that hangs", function()
    start(FLOOD:format [[ while true do end ]], "--hang-seconds 1 --on-failure halt --on-crash cancel", true)
    lx.wait_for("the order", function() return open_orders() == 1 end)
    lx.wait_for("the orders to go", function() return open_orders() == 0 end)
    finish()
    lx.wait_for("the end", status)
    assert.equal(1, status())
  end)

  it("ends in whole where somebody reads, slowly too", function()
    run.write(folder .. "/read", "")
    start([[ api.sleep(0) local text = ("x"):rep(200) for i = 1, 4000 do print(text, i) end ]], "")
    lx.wait_for("the end", status)
    local _, written = finish():gsub("x\t%d+\n", "")
    assert.equal(4000, written)
  end)
end)
