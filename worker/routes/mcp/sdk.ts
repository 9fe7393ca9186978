/**
 * What is used of the official SDK, which makes some hundred schemas as it is loaded: imported at the first call, so that no start
 * of the Worker pays for them. In a file of its own, since of a package that is imported so, nothing would be left out of the bundle.
 */
export { createMcpHandler, McpServer, specTypeSchemas } from "@modelcontextprotocol/server";
