/** The websocket of a live tail, on the port of the APIs: protocol `trace-v1`, as wrangler speaks it. */
import type { Server } from "node:http";
import { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { MaskedFrames } from "./masked-frames.ts";
import type { TailSessions } from "./tail-sessions.ts";

const PROTOCOL = "trace-v1";
const PATH = /^\/local\/tails\/([0-9a-f]{32})$/;
/** What the client says at the beginning is read and means nothing here: wrangler's `--debug`. */
const CLIENT_MESSAGE_BYTES_MAX = 1024;

/** Takes websockets for sessions over from `server`; any other upgrade gets 404. */
export function serveTails(server: Server, tails: TailSessions): void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: CLIENT_MESSAGE_BYTES_MAX,
    handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
  });
  server.on("upgrade", (request, socket, head) => {
    const [, id] = PATH.exec(request.url ?? "") ?? [];
    // Whoever resets it is gone.
    socket.on("error", () => socket.destroy());
    // The id is the secret, which the API has told to its caller alone.
    if (id === undefined || !tails.has(id)) return void socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
    const masked = new MaskedFrames(CLIENT_MESSAGE_BYTES_MAX);
    masked.write(head);
    const stream = Duplex.from({ readable: socket.pipe(masked), writable: socket });
    stream.on("error", () => socket.destroy());
    sockets.handleUpgrade(request, stream, Buffer.alloc(0), (webSocket) => tails.watch(id, webSocket));
  });
}
