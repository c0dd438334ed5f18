// Validates AsyncAPI documents with the official parser: prints a line for each error.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const parser = new Parser();
let errors = 0;
for (const file of process.argv.slice(2)) {
  const { diagnostics } = await parser.parse(readFileSync(file, "utf8"));
  for (const { severity, message, path } of diagnostics) {
    if (severity === 0) {
      errors += 1;
      console.error(`${file}: ${path.join(".")}: ${message}`);
    }
  }
}
process.exit(errors ? 1 : 0);
