// Checks values against schemas of an OpenAPI 3.1 document. Standard input: a JSON object
// {"document", "values": [{"at": JSON pointer of a schema in the document, "value"}]}.
// Standard output: a JSON array with "valid" or what is wrong for each.

import { text } from "node:stream/consumers";
import Ajv from "ajv/dist/2020.js";
import formats from "ajv-formats";

// A member that the document does not name is a gap in the document.
function close(schema) {
  if (schema === null || typeof schema !== "object") return;
  if (schema.properties && schema.additionalProperties === undefined) schema.additionalProperties = false;
  for (const part of Object.values(schema)) close(part);
}

const { document, values } = JSON.parse(await text(process.stdin));
close(document.components.schemas);
const ajv = new Ajv.default({ strict: false, allErrors: true });
formats.default(ajv);
ajv.addSchema(document, "document");

process.stdout.write(JSON.stringify(values.map(({ at, value }) => {
  const validate = ajv.compile({ $ref: `document#${at}` });
  return validate(value) ? "valid" : ajv.errorsText(validate.errors, { dataVar: "" });
})));
