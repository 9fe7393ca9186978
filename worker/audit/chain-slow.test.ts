import { changesAreNamed } from "./chain.fixture.ts";

changesAreNamed(10_000, 8);
