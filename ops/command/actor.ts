/** Who does what is written down. */
import { userInfo } from "node:os";

/** The name of the user that runs this; a container's may have none, and what it does is told of its number then. */
export function actorName(user: () => { username: string } = userInfo): string {
  try {
    return user().username;
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}
