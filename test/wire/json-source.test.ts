import { expect, test } from "vitest";
import { JsonSource, withSources } from "../../src/wire/json-source.ts";

const written = (value: unknown) => withSources(JSON.stringify(value));

test("JSON inside of an answer stays as it was written, wherever it stands", () => {
  const texts = ['{"a":1.0,"a":1e400}', "[]", '"a \\"quoted\\" \\u0041\\\\"', "12345678901234567890", '{"deep":[[["\\\\"]]]}'];
  expect(written(texts.map((text) => new JsonSource(text)))).toBe(`[${texts.join(",")}]`);
  expect(written({ first: new JsonSource("1.0"), middle: "text", last: new JsonSource("-0.0") })).toBe(
    '{"first":1.0,"middle":"text","last":-0.0}',
  );
});

test("line breaks between its tokens go, those inside of its strings stay", () => {
  expect(written(new JsonSource('{\r\n  "a": [1.0,\n 2]\n, "b": "\\n"}'))).toBe('{"a":[1.0,2],"b":"\\n"}');
});

test("what holds none is the same text, whatever it says", () => {
  const body = JSON.stringify({ text: 'toJSON "#" \\ "' });
  expect(withSources(body)).toBe(body);
});
