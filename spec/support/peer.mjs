// An HTTPS and HTTP peer with habits the local exchange does not have, for spec/net/http_client_spec.lua.
//   node peer.mjs CERT KEY     prints the ports of: TLS with HTTP/2, one that drops kept connections, one that is silent
// /count answers how many requests have been read so far on the dropping one.
import http2 from 'http2';
import http from 'http';
import net from 'net';
import fs from 'fs';
const [cert, key] = process.argv.slice(2).map((f) => fs.readFileSync(f));
const h2 = http2.createSecureServer({ cert, key, allowHTTP1: true }, (req, res) => {
  res.end(JSON.stringify({ version: req.httpVersion, encoding: req.headers['accept-encoding'] ?? null }));
});
let read = 0;
const used = new WeakSet();
const dropping = http.createServer((req, res) => {
  if (req.url === '/count') return res.end(String(read));
  req.resume().on('end', () => {
    read++;
    // The first request of a connection is answered, a second one is read whole and the connection cut.
    if (used.has(req.socket)) return req.socket.destroy();
    used.add(req.socket);
    res.end('ok');
  });
});
const silent = net.createServer((socket) => socket.on('error', () => {}));
const listen = (server) => new Promise((ready) => server.listen(0, '127.0.0.1', () => ready(server.address().port)));
console.log(await listen(h2), await listen(dropping), await listen(silent));
