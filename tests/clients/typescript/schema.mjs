// Writes schema.ts, the types of the service at a URL; files are Blobs, by the transform of openapi-typescript's guide.
// node schema.mjs URL

import { writeFile } from "node:fs/promises";

import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const BLOB = ts.factory.createTypeReferenceNode(ts.factory.createIdentifier("Blob"));

const types = await openapiTS(new URL("/openapi.json", process.argv[2]), {
  defaultNonNullable: false,
  transform: (schema) => (schema.format === "binary" ? BLOB : undefined),
});
await writeFile("schema.ts", astToString(types));
