import { assert, assertEquals, assertMatch } from "@std/assert";
import { hasCommand, runCommand } from "../../bench/lib/command.ts";
import { parse } from "yaml";

const here = new URL("./", import.meta.url), root = new URL("../../", import.meta.url);
const read = (name: string) => Deno.readTextFile(new URL(name, here));

interface Service {
  image?: string;
  build?: { context: string; dockerfile: string };
  command: string[];
  environment?: Record<string, string>;
  read_only: boolean;
  cap_drop: string[];
}

const compose: { services: Record<string, Service> } = parse(await read("compose.yaml"), { merge: true });

/** What compose makes of ${NAME:-default} and ${NAME:?message}. */
function substitute(text: string, env: Record<string, string>): string {
  return text.replaceAll(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name, kind, rest) => {
    if (env[name]) return env[name];
    if (kind !== "-") throw new Error(`${name}: ${rest ?? "is not set"}`);
    return rest;
  });
}

Deno.test("compose.yaml parses, every image is pinned, and every file that an image is made of is there", async () => {
  assertEquals(Object.keys(compose.services), ["nats", "engine", "client", "diffusion"]);
  for (const [name, { image, build }] of Object.entries(compose.services)) {
    if (image) assertMatch(image, /:\d+\.\d+\.\d+/, name);
    if (!build) continue;
    const context = new URL(`${build.context}/`, here);
    assertEquals(context.href, root.href);
    const dockerfile = await Deno.readTextFile(new URL(build.dockerfile, context));
    assertMatch(dockerfile, /^FROM denoland\/deno:\d+\.\d+\.\d+$/m);
    assertMatch(dockerfile, /^USER deno$/m);
    for (const [, source] of dockerfile.matchAll(/^COPY (\S+) \.$/gm)) {
      assert((await Deno.stat(new URL(source, root))).isFile);
    }
  }
});

Deno.test("services may do little: nothing is written, no capability is left, no permission is without bounds", async () => {
  for (const [name, { read_only, cap_drop, command }] of Object.entries(compose.services)) {
    assertEquals([read_only, cap_drop], [true, ["ALL"]], name);
    for (const argument of command) {
      assert(!/^(-A|--allow-(all|net|run|read|write|env))$/.test(argument), `${name}: ${argument}`);
    }
  }
  for (const file of ["engine.Dockerfile", "diffusion.Dockerfile"]) {
    const command: string[] = JSON.parse((await read(file)).match(/^CMD (.*)$/m)![1]);
    // The image's own command is that of the service, with the server's usual name.
    const service = compose.services[file.split(".")[0]];
    assertEquals(command, service.command.map((argument) => substitute(argument, {})));
  }
});

Deno.test("without a token compose says what is missing", () => {
  let message = "";
  try {
    substitute(compose.services.nats.environment!.NATS_TOKEN, {});
  } catch (error) {
    message = (error as Error).message;
  }
  assertEquals(message, "NATS_TOKEN: set NATS_TOKEN, as the head of this file says");
});

/** Runs a service's command outside of a container, in the folder of the script that its image holds. */
function start(name: string, env: Record<string, string>): Deno.ChildProcess {
  const [command, ...args] = compose.services[name].command.map((argument) => substitute(argument, env));
  assertEquals(command, "deno");
  const cwd = name === "diffusion" ? "ch06/diffusion_2d/" : "ch11/from_workers_to_cluster/";
  return new Deno.Command(Deno.execPath(), {
    args,
    cwd: new URL(cwd, root),
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

Deno.test("the diffusion runs by its service's command", async () => {
  const { code, stdout } = await start("diffusion", {}).output();
  assertEquals(code, 0);
  assertMatch(new TextDecoder().decode(stdout), /^512 x 512: .* ms a step\n$/);
});

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test({
  name: "server, engines and client do their work by the commands of their services, and a wrong token is refused",
  ignore: !await hasCommand("nats-server"),
  async fn() {
    const port = freePort(), monitor = freePort(), file = new URL("nats.conf", here).pathname;
    const env = { NATS_SERVER: `127.0.0.1:${port}`, NATS_TOKEN: crypto.randomUUID() };
    // Elsewhere than in the file: here only this machine may come in.
    const server = new Deno.Command("nats-server", {
      args: ["-c", file, "-a", "127.0.0.1", "-p", `${port}`, "-m", `${monitor}`],
      env,
      stdout: "null",
      stderr: "null",
    }).spawn();
    // The client waits for two.
    const engines = [start("engine", env), start("engine", env)];
    try {
      const { code, stdout, stderr } = await start("client", env).output();
      assertEquals(code, 0, new TextDecoder().decode(stderr));
      assertMatch(new TextDecoder().decode(stdout), /^pi is about 3\.1416/);
      // What the service's health check asks for.
      const { status } = await fetch(`http://127.0.0.1:${monitor}/healthz`).then(async (
        r,
      ) => (await r.body?.cancel(), r));
      assertEquals(status, 200);
      const refused = await start("client", { ...env, NATS_TOKEN: "wrong" }).output();
      assertEquals(refused.code, 2);
      assertEquals(
        new TextDecoder().decode(refused.stderr),
        `error: ${env.NATS_SERVER}: Authorization Violation\n`,
      );
      // As a container or a unit is stopped.
      for (const engine of engines) engine.kill("SIGTERM");
      for (const engine of engines) assertEquals((await engine.status).code, 0);
    } finally {
      for (const child of [...engines, server]) {
        try {
          child.kill("SIGKILL");
        } catch {
          // It has ended already.
        }
      }
      await server.status;
      for (const engine of engines) await Promise.all([engine.stdout.cancel(), engine.stderr.cancel(), engine.status]);
    }
  },
});

Deno.test("the unit passes systemd's own check, and starts the engine with the service's arguments", async () => {
  const unit = await read("pi-engine@.service");
  const [, command] = unit.match(/^ExecStart=\/usr\/bin\/env (.*)$/m)!;
  const expected = compose.services.engine.command.map((argument) =>
    argument.replace("${NATS_SERVER:-nats:4222}", "${NATS_SERVER}").replace("pi_engines.ts", "/opt/pi/pi_engines.ts")
  );
  // There is no lock file in /opt/pi, and none is to be looked for.
  assertEquals(command.split(" ").filter((argument) => argument !== "--no-lock"), expected);
  const file = new URL("pi-engine@.service", here).pathname;
  const found = await runCommand("systemd-analyze", ["verify", "--man=no", file]);
  if (found) assertEquals([found.code, new TextDecoder().decode(found.stderr)], [0, ""]);
  const names = [...(await read("pi-engine.env")).matchAll(/^(\w+)=/gm)].map(([, name]) => name);
  assertEquals(names, Object.keys(compose.services.engine.environment!));
});
