// Formats Lua with StyLua (its WebAssembly build): node format_lua.mjs [--check] FILE... . With --check it names the files that
// would change, writes nothing, and fails when there are any. StyLua's own verification stops at numbers like 1ULL, so it is off.
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';

const require = createRequire(`${process.env.MOONTIDE_CLIENTS}/package.json`);
const stylua = require('@johnnymorganz/stylua');

// Formatting takes a configuration away with it: each file gets one of its own.
function configuration() {
  const config = stylua.Config.new();
  config.syntax = stylua.LuaVersion.LuaJIT;
  config.column_width = 110;
  config.indent_type = stylua.IndentType.Spaces;
  config.indent_width = 2;
  config.call_parentheses = stylua.CallParenType.Input;
  config.collapse_simple_statement = stylua.CollapseSimpleStatement.Always;
  return config;
}

const check = process.argv[2] === '--check';
let changed = 0;
for (const file of process.argv.slice(check ? 3 : 2)) {
  const before = readFileSync(file, 'utf8');
  let after = before, once;
  do {   // its first answer is not always its last
    once = after;
    after = stylua.formatCode(once, configuration(), undefined, stylua.OutputVerification.None);
  } while (after !== once);
  if (after === before) continue;
  changed++;
  if (check) console.error(`${file}: not formatted; run make format`);
  else writeFileSync(file, after);
}
process.exit(check && changed > 0 ? 1 : 0);
