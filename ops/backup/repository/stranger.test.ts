/** Reads a repository by `docs/backup-format.md` alone: nothing of the code that wrote it is used, so the page is enough. */
import { createDecipheriv, createHash, createHmac, createPublicKey, hkdfSync, verify } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { Decrypter } from "age-encryption";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newRepository, snapshotOf, type TestRepository } from "./repository.fixture.ts";

let made: TestRepository;
beforeAll(async () => {
  made = await newRepository();
  await snapshotOf(await made.open(), ["an older one"]);
  const writer = await (await made.open(made.writer)).beginSnapshot({ tool: "test/1" });
  const put = async (kind: string, text: string) => (await writer.putPart(kind, Buffer.from(text))).id;
  const ids = [await put("text", "first text"), await put("shared-text", "second text")];
  await writer.commit({ summary: { texts: 2 }, body: { ids } });
});
afterAll(() => made.remove());

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const object = (key: string): Buffer => readFileSync(join(made.folder, key));

function signed(bytes: Buffer, kind: string, trusted: string[]) {
  const { payload, payloadType, signatures } = JSON.parse(bytes.toString());
  expect(payloadType).toBe(`application/vnd.prism-backup.${kind}+json`);
  const [{ keyid, sig }] = signatures;
  expect(trusted).toContain(keyid);
  const body = Buffer.from(payload, "base64");
  const what = Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${body.length} `), body]);
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: keyid }, format: "jwk" });
  expect(verify(null, what, key, Buffer.from(sig, "base64"))).toBe(true);
  return JSON.parse(body.toString());
}

async function age(identity: string, file: Uint8Array): Promise<Buffer> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return Buffer.from(await decrypter.decrypt(file));
}

function gcm(key: Uint8Array, nonce: Buffer, sealed: Buffer, associated: Buffer): Buffer {
  const cipher = createDecipheriv("aes-256-gcm", key, nonce).setAAD(associated).setAuthTag(sealed.subarray(-16));
  return zstdDecompressSync(Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]));
}

test("a stranger with the escrowed key file and the format's page reads the newest snapshot", async () => {
  const key = made.escrow;
  const config = signed(object("config"), "config", [key.root]);
  const own = (
    await age(key.identity ?? "", Buffer.from(config.keys.at(-1).identity_for_readers, "base64"))
  ).toString();
  const secret = await age(own, Buffer.from(config.writer_secret, "base64"));
  const derive = (info: string) =>
    new Uint8Array(hkdfSync("sha256", secret, key.repository, `prism-backup/1 ${info}`, 32));
  const unseal = (purpose: string, bytes: Buffer) => {
    const associated = Buffer.from(`prism-backup/1\n${key.repository}\n${purpose}`);
    return JSON.parse(gcm(derive("seal"), bytes.subarray(0, 12), bytes.subarray(12), associated).toString());
  };

  const signers = config.writers.map(({ signer }: { signer: string }) => signer);
  const folder = "epoch/2026-11/manifests";
  const manifests = readdirSync(join(made.folder, folder)).map((name) => object(`${folder}/${name}`));
  const [manifest] = manifests.map((bytes) => signed(bytes, "manifest", signers)).sort((a, b) => b.counter - a.counter);
  expect(signed(object("pointer"), "pointer", signers).newest.snapshot).toBe(manifest.snapshot);
  expect(unseal(`summary:${manifest.snapshot}`, Buffer.from(manifest.summary, "base64"))).toEqual({ texts: 2 });
  expect(sha256(object(manifest.index.object))).toBe(manifest.index.sha256);
  const index = unseal(`index:${manifest.snapshot}`, object(manifest.index.object));

  const read = async (id: string): Promise<string> => {
    const part = index.parts.find((entry: { id: string }) => entry.id === id);
    const bytes = object(`epoch/${part.epoch}/parts/${id.slice(0, 2)}/${id}${part.copy ? `.${part.copy}` : ""}`);
    expect(sha256(bytes)).toBe(part.sha256);
    const [header, sealed] = [bytes.subarray(0, 96), bytes.subarray(96, -32)];
    const digest = createHash("sha256").update(bytes.subarray(0, -32)).digest();
    expect(createHmac("sha256", derive("part mac")).update(digest).digest().equals(bytes.subarray(-32))).toBe(true);
    const key_object = object(`epoch/${part.epoch}/keys/${header.toString("hex", 16, 48)}`);
    const content_key = part.kind.startsWith("shared-")
      ? Buffer.from(unseal("shared key", key_object), "base64")
      : await age(own, key_object);
    const associated = Buffer.concat([header, Buffer.from(`${key.repository}\n${part.kind}`)]);
    const plain = gcm(content_key, header.subarray(48, 60), sealed, associated);
    expect(plain.length).toBe(header.readUInt32LE(12));
    const hash = createHash("sha256").update(plain).digest();
    expect(createHmac("sha256", derive("part id")).update(`${part.kind}\n`).update(hash).digest("hex")).toBe(id);
    return plain.toString();
  };
  const { ids } = JSON.parse(await read(manifest.body));
  expect(await Promise.all(ids.map(read))).toEqual(["first text", "second text"]);
});
