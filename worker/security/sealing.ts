/** Authenticated encryption (AES-256-GCM) of short texts that the database keeps for us but must not read. */

/** The text, sealed: base64 of a random 12-byte nonce and the ciphertext. */
export async function seal(secret: string, text: string): Promise<string> {
  const nonce = crypto.getRandomValues(new Uint8Array(12));
  const key = await sealingKey(secret);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, key, new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...nonce) + binary(new Uint8Array(sealed)));
}

/** The sealed text; throws when it was changed or sealed under another secret. */
export async function unseal(secret: string, sealed: string): Promise<string> {
  const bytes = Uint8Array.from(atob(sealed), (char) => char.charCodeAt(0));
  const algorithm = { name: "AES-GCM", iv: bytes.subarray(0, 12) };
  const text = await crypto.subtle.decrypt(algorithm, await sealingKey(secret), bytes.subarray(12));
  return new TextDecoder().decode(text);
}

/** Derived, so that the secret's use for hashing keys and this one never share a key. */
async function sealingKey(secret: string): Promise<CryptoKey> {
  const encoder = new TextEncoder();
  const base = await crypto.subtle.importKey("raw", encoder.encode(secret), "HKDF", false, ["deriveKey"]);
  const derivation = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: encoder.encode("prism sealing") };
  return crypto.subtle.deriveKey(derivation, base, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** One character a byte; piecewise, because an argument list has a limit. */
function binary(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
