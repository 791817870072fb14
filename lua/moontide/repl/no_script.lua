-- What a REPL runs that was given no script: nothing, for as long as one types.
return { on_start = function() end }
