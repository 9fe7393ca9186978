/** What PRISM uses of age's library. Loaded through `key-file.ts`; elsewhere only its types are imported. */
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";

export const age = { Decrypter, Encrypter, generateX25519Identity, identityToRecipient };
