# An engine of pi_engines.ts in a container. NATS_SERVER says where it finds its tasks, NATS_TOKEN is the key to them.
#
#     docker build -f ch11/docker/engine.Dockerfile -t pi-engine .        in the root of the repository
#     docker run --rm --network pi_default -e NATS_TOKEN pi-engine        beside the server of compose.yaml
FROM denoland/deno:2.9.6
WORKDIR /app
COPY ch11/from_workers_to_cluster/pi_engines.ts .
# The NATS client comes into the image here, so that an engine starts without asking the npm registry for anything.
ENV DENO_DIR=/app/.deno
RUN deno cache pi_engines.ts && chown -R deno:deno /app
# The image's own user, who may not write to the system.
USER deno
ENV NATS_SERVER=nats:4222
# Two names in the environment and one address: a server of another name has to be named here too, as compose.yaml does.
CMD ["deno", "run", "--no-prompt", "--cached-only", "--allow-net=nats:4222", "--allow-env=NATS_SERVER,NATS_TOKEN", "pi_engines.ts", "--serve"]
