// Values of indicators as TA-Lib (talib-web) and trading-signals give them: node indicators.mjs BARS.json > REFERENCE.json.
// BARS.json holds arrays open, high, low, close, volume. Each entry of the answer holds the index of the bar at which the
// reference first speaks, and its results as arrays from there on.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(`${process.env.MOONTIDE_CLIENTS}/package.json`);
const fetch = globalThis.fetch;
delete globalThis.fetch;   // with it talib-web would look for its WebAssembly on the network
const talib = require('talib-web');
const library = await talib.init(require.resolve('talib-web/lib/talib.wasm'));
globalThis.fetch = fetch;
const signals = await import(require.resolve('trading-signals'));

const bars = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { open, high, low, close, volume } = bars;
const rows = close.length;
const reference = {};

// TA-Lib's function itself: the package's own wrapper reads one value past the end and frees results before it copies them.
// `outputs` results, from the bar that TA-Lib says. (Its candle patterns need settings that this build does not set up.)
function lib(name, call, inputs, options = [], outputs = 1) {
  const size = rows * 8;
  const arrays = inputs.map(values => {
    const at = library._malloc(size);
    library.HEAPF64.set(values, at / 8);
    return at;
  });
  const begin = library._malloc(4), count = library._malloc(4);
  const results = Array.from({ length: outputs }, () => library._malloc(size));
  const given = [0, rows - 1, ...arrays, ...options, begin, count, ...results];
  const code = library.ccall(`TA_${call}`, 'number', given.map(() => 'number'), given);
  if (code !== 0) throw new Error(`TA_${call} fails with ${code}`);
  const length = library.HEAP32[count / 4];
  reference[name] = {
    first: library.HEAP32[begin / 4],
    values: results.map(at => Array.from(library.HEAPF64.subarray(at / 8, at / 8 + length))),
  };
  [...arrays, begin, count, ...results].forEach(at => library._free(at));
}

// trading-signals is fed bar by bar.
function fed(name, indicator, input, ...keys) {
  let first = -1;
  const values = (keys.length ? keys : ['']).map(() => []);
  for (let i = 0; i < rows; i++) {
    const given = indicator.update(input === undefined ? close[i]
      : input === 'volume' ? volume[i]
      : { open: open[i], high: high[i], low: low[i], close: close[i], volume: volume[i] }, false);
    if (!indicator.isStable) continue;
    const result = keys.length ? (given ?? indicator.getResult()) : indicator.getResult();
    if (result === null || result === undefined) continue;
    if (first < 0) first = i;
    values.forEach((list, k) => list.push(keys.length ? result[keys[k]] : Number(result)));
  }
  reference[name] = { first, values };
}

const one = [close], hl = [high, low], hlc = [high, low, close], ohlc = [open, high, low, close];
lib('ema sma', 'EMA', one, [14]);
lib('sma', 'SMA', one, [14]);
lib('wma', 'WMA', one, [14]);
lib('dema', 'DEMA', one, [10]);
lib('tema', 'TEMA', one, [10]);
lib('trima even', 'TRIMA', one, [12]);
lib('trima odd', 'TRIMA', one, [13]);
lib('kama', 'KAMA', one, [10]);
lib('t3', 'T3', one, [5, 0.7]);
lib('linreg', 'LINEARREG', one, [14]);
lib('midpoint', 'MIDPOINT', one, [14]);
lib('midprice', 'MIDPRICE', hl, [14]);
lib('rsi', 'RSI', one, [14]);
lib('mom', 'MOM', one, [10]);
lib('roc', 'ROC', one, [10]);
lib('cmo', 'CMO', one, [14]);
lib('trix', 'TRIX', one, [10]);
lib('macd', 'MACD', one, [12, 26, 9], 3);
lib('stoch', 'STOCH', hlc, [14, 3, 0, 3, 0], 2);
lib('stoch fast', 'STOCHF', hlc, [14, 3, 0], 2);
lib('stoch_rsi', 'STOCHRSI', one, [14, 14, 3, 0], 2);
lib('williams_r', 'WILLR', hlc, [14]);
lib('cci', 'CCI', hlc, [20]);
lib('mfi', 'MFI', [...hlc, volume], [14]);
lib('ultimate', 'ULTOSC', hlc, [7, 14, 28]);
lib('bop', 'BOP', ohlc);
lib('di plus', 'PLUS_DI', hlc, [14]);
lib('di minus', 'MINUS_DI', hlc, [14]);
lib('dx', 'DX', hlc, [14]);
lib('adx', 'ADX', hlc, [14]);
lib('adxr', 'ADXR', hlc, [14]);
lib('aroon oscillator', 'AROONOSC', hl, [14]);
lib('sar', 'SAR', hl, [0.02, 0.2]);
lib('stdev', 'STDDEV', one, [20, 1]);
lib('variance', 'VAR', one, [20, 1]);
lib('true_range', 'TRANGE', hlc);
lib('atr', 'ATR', hlc, [14]);
lib('natr', 'NATR', hlc, [14]);
lib('mean_deviation', 'AVGDEV', one, [14]);
lib('obv', 'OBV', [close, volume]);
lib('ad', 'AD', [...hlc, volume]);
lib('adosc', 'ADOSC', [...hlc, volume], [3, 10]);
lib('highest', 'MAX', one, [14]);
lib('lowest', 'MIN', one, [14]);
lib('sum', 'SUM', one, [14]);
lib('regression slope', 'LINEARREG_SLOPE', one, [14]);
lib('regression intercept', 'LINEARREG_INTERCEPT', one, [14]);
lib('regression forecast', 'TSF', one, [14]);
lib('correlation', 'CORREL', [close, open], [20]);
lib('beta', 'BETA', [open, close], [20]);
lib('imi', 'IMI', [open, close], [14]);
lib('aroon', 'AROON', hl, [14], 2);
reference.aroon.values.reverse();   // down comes first there
lib('bollinger', 'BBANDS', one, [20, 2, 2, 0], 3);
lib('acceleration_bands', 'ACCBANDS', hlc, [20], 3);
for (const name of ['bollinger', 'acceleration_bands']) {   // upper, middle, lower there
  const [upper, middle, lower] = reference[name].values;
  reference[name].values = [middle, upper, lower];
}

const s = signals;
fed('ema first', new s.EMA(14));
fed('hma', new s.HMA(16));
fed('alma', new s.ALMA(9));
fed('vwma', new s.VWMA(14), 'bar');
fed('frama', new s.FRAMA(16));
fed('zlema', new s.ZLEMA(14));
fed('mcginley', new s.McGinleyDynamic(14));
fed('super_smoother', new s.SuperSmoother(10));
fed('rma', new s.WSMA(14));
fed('tsi', new s.TSI({ longPeriod: 25, shortPeriod: 13 }));
fed('coppock', new s.CoppockCurve());
fed('kst', new s.KST());
fed('dpo', new s.DPO(20));
fed('connors_rsi', new s.ConnorsRSI());
fed('laguerre_rsi', new s.LaguerreRSI());
fed('pmo', new s.PMO(), undefined, 'pmo');
fed('cfo', new s.CFO(14));
fed('psychological', new s.PSL(12));
fed('awesome', new s.AO(5, 34), 'bar');
fed('accelerator', new s.AC(5, 34, 5), 'bar');
fed('fisher', new s.FisherTransform(10), 'bar');
fed('smi', new s.SMI(), 'bar');
fed('stc', new s.STC());
fed('wave_trend', new s.WaveTrend(), 'bar', 'wt1', 'wt2');
fed('demarker', new s.DeMarker(), 'bar');
fed('elder_ray', new s.ElderRay(13), 'bar', 'bullPower', 'bearPower');
fed('qstick', new s.Qstick(8), 'bar');
fed('pgo', new s.PGO(), 'bar');
fed('rvi', new s.RelativeVigorIndex(10), 'bar', 'rvgi', 'signal');
fed('vortex', new s.VortexIndicator(14), 'bar', 'plus', 'minus');
fed('supertrend', new s.SuperTrend({ interval: 10, multiplier: 3 }), 'bar', 'supertrend');
fed('ichimoku', new s.IchimokuCloud(), 'bar', 'conversion', 'base', 'spanA', 'spanB');
fed('vhf', new s.VHF(28));
fed('choppiness', new s.CHOP(14), 'bar');
fed('mass_index', new s.MassIndex(25), 'bar');
fed('keltner', new s.KeltnerChannels(), 'bar', 'middle', 'upper', 'lower');
fed('donchian', new s.DonchianChannels(20), 'bar', 'upper', 'lower', 'middle');
fed('chandelier', new s.ChandelierExit(), 'bar', 'long', 'short');
fed('chaikin_volatility', new s.CVI(10), 'bar');
fed('ulcer', new s.UlcerIndex(14));
fed('cmf', new s.CMF(20), 'bar');
fed('emv', new s.EMV(14), 'bar');
fed('force', new s.ForceIndex(13), 'bar');
fed('klinger', new s.KVO(), 'bar');
fed('nvi', new s.NVI(), 'bar');
fed('pvi', new s.PVI(), 'bar');
fed('pvt', new s.PVT(), 'bar');
fed('pvo', new s.PVO(), 'volume');
fed('rvol', new s.RVOL(20), 'volume');
fed('alligator', new s.Alligator(), 'bar', 'jaw', 'teeth', 'lips');
fed('rogers_satchell', new s.RogersSatchellVolatility(10), 'bar');

console.log(JSON.stringify(reference));
