/** Addresses and networks of them, as texts that sort by their place: whether one holds the other is a comparison of texts. */
import { Address4, Address6 } from "ip-address";

export interface Network {
  /** Its canonical text: `203.0.113.0/24`, `2001:db8::/32`; an address alone has its full length. */
  network: string;
  /** `4` or `6`, and the hex digits of its first and its last address. */
  first: string;
  last: string;
  prefix_bits: number;
  version: 4 | 6;
}

/** Null for what is neither an address nor a network in CIDR notation. Bits behind the prefix are dropped. */
export function readNetwork(text: string): Network | null {
  const version = text.includes(":") ? 6 : 4;
  const Address = version === 6 ? Address6 : Address4;
  if (!Address.isValid(text)) return null;
  const address = new Address(text);
  const [first, last] = [address.startAddress(), address.endAddress()];
  const place = (bound: Address4 | Address6) =>
    `${version}${bound
      .bigInt()
      .toString(16)
      .padStart(version === 6 ? 32 : 8, "0")}`;
  return {
    network: `${first.correctForm()}/${address.subnetMask}`,
    first: place(first),
    last: place(last),
    prefix_bits: address.subnetMask,
    version,
  };
}

/** Whether every address of `inner` is one of `outer`. */
export function holds(outer: Pick<Network, "first" | "last">, inner: Pick<Network, "first" | "last">): boolean {
  return outer.first <= inner.first && inner.last <= outer.last;
}
