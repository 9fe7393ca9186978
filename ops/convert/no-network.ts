/** Gives up the network for the rest of the process's life: whatever a parser is talked into fetching fails. */
import { Socket as Datagrams } from "node:dgram";
import { Server, Socket } from "node:net";

/** All of Node.js' clients (http, tls, fetch) connect through `net.Socket`. */
export function giveUpNetwork(): void {
  const refuse = () => {
    throw new Error("a file's parser has no network");
  };
  Object.assign(Socket.prototype, { connect: refuse });
  Object.assign(Server.prototype, { listen: refuse });
  Object.assign(Datagrams.prototype, { bind: refuse, connect: refuse, send: refuse });
}
