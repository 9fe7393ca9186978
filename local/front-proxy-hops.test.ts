/** What a caller says of its connection to the proxy, and the worker of its own (RFC 9110, section 7.6.1). */
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { cleanUp, startProxy, startUpstream, to } from "./front-proxy.fixture.ts";

afterEach(cleanUp);

test("what a caller says of its connection ends at the proxy, and stops nobody", async () => {
  const { proxy, url } = await startProxy();
  const upstream = await startUpstream(async (incoming, outgoing) => {
    const body = await text(incoming);
    outgoing.setHeader("trailer", "x-sum").end(JSON.stringify({ headers: incoming.headers, body }));
  });
  proxy.route([to(upstream)], new Map());
  const said = async (...lines: string[]): Promise<string> => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write(lines.join("\r\n"));
    return text(socket);
  };
  const hops = [
    "TE: trailers",
    "Trailer: X-Sum",
    "Upgrade: h2c",
    "Proxy-Connection: close",
    "X-Hop: 1",
    "Connection: close, TE,x-hop",
  ];
  const answer = await said("GET / HTTP/1.1", "Host: a", ...hops, "Accept: b", "", "");
  expect(answer).toMatch(/^HTTP\/1\.1 200 .*"accept":"b"/s);
  expect(answer).not.toMatch(/"(?:te|trailer|upgrade|proxy-connection|x-hop)":/);
  // A body is one there as well, where a reader of its length alone would take it for the next request.
  const body = ["Transfer-Encoding: chunked", "", "3", "abc", "0", "", ""];
  expect(await said("GET / HTTP/1.1", "Host: a", "Trailer: X-Sum", "Connection: close", ...body)).toMatch(
    /"body":"abc"/,
  );
  expect(await said("GET / HTTP/1.0", "Trailer: X-Sum", "", "")).toMatch(/^HTTP\/1\.1 200 /);
});
