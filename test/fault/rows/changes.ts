/** What people change while events flow: secrets, and every part of a definition that touches order or targets. */
import { createHmac } from "node:crypto";
import type { Row } from "../row.ts";

const F32: Row = {
  id: "F32",
  title: "secret rotated three times under load",
  short: false,
  async run(test) {
    const { platform, producer } = test;
    const secrets: string[] = [];
    const first: Record<string, number> = {};
    let unsigned = 0;
    const target = await test.target("signed", {
      behaviour: ({ received }) => {
        const {
          "webhook-id": id,
          "webhook-timestamp": at,
          "webhook-signature": signature = "",
        } = received.headers as Record<string, string>;
        const given = signature.split(" ");
        const by = secrets.findLastIndex((secret) => {
          const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
          return given.includes(`v1,${createHmac("sha256", key).update(`${id}.${at}.${received.body}`).digest("base64")}`);
        });
        if (by < 0) unsigned += 1;
        first[by] = (first[by] ?? 0) + 1;
        return 200;
      },
    });
    const rotate = async () => {
      const { signingSecret } = await platform.mutate<{ signingSecret: string }>(
        "rotateSigningSecret",
        "... on RotatedSigningSecret { signingSecret }",
        { id: target.id, overlapSeconds: 60 },
      );
      secrets.push(signingSecret);
    };
    await rotate();
    const flow = producer.flow(target.type, 40, () => "1");
    for (let i = 0; i < 3; i++) {
      await test.sleep(1_500);
      await rotate();
    }
    await test.sleep(1_500);
    await flow();
    await test.settled();
    test.say(`deliveries by the newest secret that verifies them: ${secrets.map((_, i) => first[i] ?? 0).join(", ")}`);
    test.check(unsigned === 0, `${unsigned} deliveries verify with none of the secrets`);
    test.check(Object.keys(first).length >= 3, "not every secret was in use: the row shows nothing");
    await test.account();
  },
};

const F38: Row = {
  id: "F38",
  title: "ordering, target, filter and dialect changed under load",
  short: false,
  async run(test) {
    const { platform, producer, recorder } = test;
    const target = await test.target("one", {
      behaviour: ({ n, nth }) => (n % 40 === 0 && nth === 1 ? { status: 503, delayMs: 30 } : { delayMs: 2 }),
    });
    const change = (input: object) =>
      platform.mutate("updateWebhookDefinition", "... on WebhookDefinition { id }", { id: target.id, ...input });
    const flow = producer.flow(target.type, 30, (i) => String(i % 7));
    const here = `http://127.0.0.1:${recorder.receiver.port}${target.path}`;
    const moves = test.full ? 40 : 12;
    const orderings = ["KEY", "DEFINITION"];
    let refused = 0;
    for (let i = 0; i < moves; i++) {
      await test.sleep(300 + test.random() * 500);
      const move = Math.floor(test.random() * 4);
      if (move === 0) await change({ ordering: orderings[i % 2] });
      if (move === 1) await change({ targetUrl: here.replace("127.0.0.1", test.random() < 0.5 ? "127.0.0.1" : "127.0.0.3") });
      // The filter takes everything that the row sends.
      if (move === 2) await change({ filter: { payload: { n: { $gt: Math.floor(test.random() * -100) } } } });
      if (move === 3)
        await change({ dialect: "COTALKER" }).then(
          () => change({ dialect: "STANDARD" }),
          (error: Error) => {
            refused += 1;
            test.check(/REQUESTS_WAIT/.test(error.message), `a change of dialect while requests wait: ${error.message}`);
          },
        );
      if (i % 3 === 2) await change({ ordering: orderings[(i + 1) % 2] });
    }
    await flow();
    await test.settled(120_000);
    // Whatever lane a request was in: what came of one entity is in its order.
    const entityOf = new Map(producer.log.map((sent) => [sent.n, sent.entityId]));
    const last = new Map<string, number>();
    const known = new Set<number>();
    const accepted = new Map((await test.logged()).map((request) => [request.n, request.id]));
    for (const call of recorder.of(target.path).filter(({ status }) => status === 200)) {
      if (known.has(call.n)) continue;
      known.add(call.n);
      const entity = entityOf.get(call.n) ?? "";
      const id = accepted.get(call.n) ?? "";
      const before = last.get(entity);
      if (before !== undefined)
        test.check(accepted.get(before)! < id, `entity ${entity}: ${call.n} arrived after ${before}, which was accepted later`);
      last.set(entity, call.n);
    }
    test.say(`${moves} changes beside ${producer.log.length} events; ${refused} changes of dialect refused while requests waited`);
    await test.account();
  },
};

export const changes = [F32, F38];
