import fc from "fast-check";
import { expect, test } from "vitest";
import { holds, readNetwork } from "./network.ts";

const v4 = fc.ipV4();
const v6 = fc.ipV6();

test("a network holds an address exactly when their leading bits agree", () => {
  const bits = (address: string) => BigInt(`0x${readNetwork(address)?.first.slice(1)}`);
  for (const [addresses, length] of [
    [v4, 32],
    [v6, 128],
  ] as const)
    fc.assert(
      fc.property(addresses, addresses, fc.integer({ min: 0, max: length }), (one, other, prefix) => {
        const [network, address] = [readNetwork(`${one}/${prefix}`), readNetwork(other)];
        if (network === null || address === null) throw new Error("unreadable");
        const dropped = BigInt(length - prefix);
        expect(holds(network, address)).toBe(bits(one) >> dropped === bits(other) >> dropped);
      }),
    );
});

test("every spelling of a network has one canonical text, which reads as itself", () => {
  fc.assert(
    fc.property(fc.oneof(v4, v6), (address) => {
      const network = readNetwork(address)?.network ?? "";
      expect(readNetwork(network)?.network).toBe(network);
    }),
  );
  expect(readNetwork("203.0.113.77/24")?.network).toBe("203.0.113.0/24");
  expect(readNetwork("2001:DB8:0:0::1")?.network).toBe("2001:db8::1/128");
});

test("an IPv4 network holds no IPv6 address, however their digits compare", () => {
  const [four, six] = [readNetwork("0.0.0.0/0"), readNetwork("::/0")];
  if (four === null || six === null) throw new Error("unreadable");
  expect([holds(four, six), holds(six, four)]).toEqual([false, false]);
});

test.each(["", "unknown", "1.2.3", "1.2.3.4/33", "::/129", "1.2.3.4/-1", "1.2.3.4/a", "1.2.3.4 ", ":::", "01.2.3.4x"])(
  "%j is no network",
  (text) => {
    expect(readNetwork(text)).toBeNull();
  },
);
